"""The rules of who may do what, as text: `docs/authorisation.md`, which a test compares."""

from __future__ import annotations

from collections.abc import Iterator

from accounts.permissions import WORDS, Permission
from accounts.roles import MEANINGS, ROLES, SEPARATED, Role

_HEAD = """\
# Who may do what

Written by `manage.py authorisation_reference` from `accounts/roles.py`; do not edit by hand.

Every page and every endpoint declares the permission that it takes, and refuses everybody else. A
person has the permissions of their roles together; no role implies another, there is no superuser.
A token has, of those, the ones it was made for, until it expires (90 days at most). Permissions
are looked up at every request: taking a role away, revoking a token and disabling a person count
at once.

Which machines a person sees is set apart from their roles: the whole estate, or those of the teams
they belong to. What is out of sight does not exist for them: pages, lists, counts, exports and
endpoints answer as if it were not there.
"""


def as_markdown() -> str:
    """The rules as a document."""
    return "\n".join([_HEAD, *_roles(), *_permissions(), *_separations()])


def _roles() -> Iterator[str]:
    yield "## Roles\n"
    for role in Role:
        yield f"- **{role}** {MEANINGS[role]}"
    yield ""


def _permissions() -> Iterator[str]:
    yield "## Permissions\n"
    yield "| permission | to | " + " | ".join(Role) + " |"
    yield "|---|---|" + ":-:|" * len(Role)
    for permission in Permission:
        cells = ("●" if permission in ROLES[role] else "" for role in Role)
        yield f"| `{permission}` | {WORDS[permission]} | " + " | ".join(cells) + " |"
    yield ""


def _separations() -> Iterator[str]:
    yield "## Roles that one person may not hold together\n"
    yield "Refused with this sentence, and by a trigger in the database whoever asks.\n"
    for separation in SEPARATED:
        yield f"- **{separation.one}** and **{separation.other}**: {separation.because}"
    yield ""
    yield "Nobody changes their own roles, teams or scope, and the last active user administrator"
    yield "can neither be disabled nor lose the role."
    yield ""
