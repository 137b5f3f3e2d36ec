"""The rules of who may do what, as text: `docs/authorisation.md`, which a test compares."""

from __future__ import annotations

from collections.abc import Iterator

from accounts.permissions import WORDS, Permission
from accounts.roles import MEANINGS, NEED_A_SECOND_FACTOR, ROLES, SEPARATED, Role

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

_SECOND_FACTORS = """\
as well. Until it is set up only the pages for that, the change of the password and signing out
open, and the API refuses the session; also when the role is given to somebody who is signed in.
`REQUIRE_SECOND_FACTOR` turns this off. Tokens are not asked: they are bounded by permissions and
days.

What is sensitive (people and roles, tokens, sources, exceptions, second factors) opens for five
minutes after proving who one is: by the second factor of whoever has one, else by password, else
at the organisation's provider. A user administrator who removes a lost second factor cannot choose
that person's password as well, and the other way round; the person is told at each sign-in until
there is a new one.
"""


def as_markdown() -> str:
    """The rules as a document."""
    return "\n".join([_HEAD, *_roles(), *_permissions(), *_second_factors(), *_separations()])


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


def _second_factors() -> Iterator[str]:
    roles = ", ".join(f"**{role}**" for role in sorted(NEED_A_SECOND_FACTOR))
    yield "## Roles that need a second factor\n"
    yield f"{roles}: whoever has one of them signs in with an authenticator app or a security key"
    yield _SECOND_FACTORS


def _separations() -> Iterator[str]:
    yield "## Roles that one person may not hold together\n"
    yield "Refused with this sentence, and by a trigger in the database whoever asks.\n"
    for separation in SEPARATED:
        yield f"- **{separation.one}** and **{separation.other}**: {separation.because}"
    yield ""
    yield "Nobody changes their own roles, teams or scope, and the last active user administrator"
    yield "can neither be disabled nor lose the role."
    yield ""
