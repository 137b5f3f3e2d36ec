"""Text that an attacker may have chosen, as a part of a PowerShell script that stays one part.

Every value becomes a literal of printable ASCII. That is stricter than PowerShell asks for: a file
without a byte order mark is read by Windows PowerShell in the code page of the machine, where the
second byte of “Ò” is a typographic quote and would end the literal.
"""

from __future__ import annotations

import unicodedata

from ui.inert import inert, shortened

LONGEST = 1_000
# PowerShell ends a single-quoted literal at any of these; doubled, each stands for itself.
QUOTES = "'\u2018\u2019\u201a\u201b"
# Characters that hide, reorder or break a line, and those that nobody has defined.
_REFUSED = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


class Unquotable(ValueError):
    """The text holds something that nobody could see in a script."""


def quoted(text: str) -> str:
    """An expression of printable ASCII whose value is exactly the text, or raise Unquotable.

    `it's` is `'it''s'`; `blå` is `([regex]::Unescape('bl\\u00e5'))`.
    """
    if len(text) > LONGEST or any(unicodedata.category(one) in _REFUSED for one in text):
        raise Unquotable("the text holds invisible characters or is too long")
    if text.isascii():
        return _literal(text)
    return f"([regex]::Unescape({_literal(_escaped(text))}))"


def comment(text: str) -> str:
    """The text as one comment line, whatever is in it.

    It ends in a plain character, so that no code page can join the line with the next one.
    """
    line = " ".join(inert(" ".join(text.split())).split())
    return f"# {line}" if line[-1:].isascii() else f"# {line} ."


def remark(text: str) -> str:
    """The text as a comment behind a statement: its first 80 characters."""
    return comment(shortened(" ".join(text.split()), 80))


def _literal(text: str) -> str:
    doubled = "".join(one * 2 if one in QUOTES else one for one in text)
    return f"'{doubled}'"


def _escaped(text: str) -> str:
    """The text in ASCII, as .NET's Regex.Unescape reads it back."""
    units = (_unit(one) for one in text)
    return "".join(units)


def _unit(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if character.isascii():
        return character
    pairs = character.encode("utf-16-be").hex()
    return "".join(f"\\u{pairs[at : at + 4]}" for at in range(0, len(pairs), 4))
