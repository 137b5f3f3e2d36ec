"""A reader of PowerShell, as strict as the language where a name could break out of its literal.

It knows comments, both kinds of string, variables and the brackets: enough to say whether two
scripts are the same but for the texts in their literals.
"""

from __future__ import annotations

from dataclasses import dataclass

SINGLE = "'\u2018\u2019\u201a\u201b"
DOUBLE = '"\u201c\u201d\u201e'
BREAKS = "\r\n"
PAIRS = {")": "(", "]": "[", "}": "{"}


class Broken(Exception):
    """The text is not a whole script: something that was opened is not closed."""


@dataclass(frozen=True)
class Token:
    kind: str  # literal, text, comment, bracket, break, word
    text: str


def tokens(script: str) -> list[Token]:
    """The script's tokens, or raise Broken."""
    found: list[Token] = []
    opened: list[str] = []
    at = 0
    while at < len(script):
        at = _next(script, at, found, opened)
    if opened:
        raise Broken(f"{opened[-1]} is not closed")
    return found


def _next(script: str, at: int, found: list[Token], opened: list[str]) -> int:
    """Read one token, and say where the next begins."""
    one = script[at]
    if one in BREAKS:
        found.append(Token("break", ""))
        return at + 1
    if one.isspace():
        return at + 1
    if one in "([{)]}":
        return _bracket(script, at, found, opened)
    if one == "#":
        return _comment(script, at, found)
    return _string(script, at, found) if one in SINGLE + DOUBLE else _word(script, at, found)


def _bracket(script: str, at: int, found: list[Token], opened: list[str]) -> int:
    one = script[at]
    if one not in PAIRS:
        opened.append(one)
    elif not opened or opened.pop() != PAIRS[one]:
        raise Broken(f"{one} closes nothing")
    found.append(Token("bracket", one))
    return at + 1


def _string(script: str, at: int, found: list[Token]) -> int:
    if script[at] in SINGLE:
        value, end = literal(script, at)
        found.append(Token("literal", value))
        return end
    end = _text(script, at)
    found.append(Token("text", script[at:end]))
    return end


def literal(script: str, at: int) -> tuple[str, int]:
    """The value of the single-quoted literal that begins here, and where it ends."""
    value = ""
    at += 1
    while at < len(script):
        if script[at] in SINGLE:
            if script[at + 1 : at + 2] not in SINGLE or at + 1 == len(script):
                return value, at + 1
            at += 1
        value += script[at]
        at += 1
    raise Broken("a literal is not closed")


def _text(script: str, at: int) -> int:
    """Where the double-quoted string ends; what is in `$( )` is read as a script of its own."""
    at += 1
    while at < len(script):
        one = script[at]
        if one == "`":
            at += 2
        elif script.startswith("$(", at):
            at = _inner(script, at + 1)
        elif one in DOUBLE:
            if script[at + 1 : at + 2] in tuple(DOUBLE):
                at += 2
                continue
            return at + 1
        else:
            at += 1
    raise Broken("a string is not closed")


def _inner(script: str, at: int) -> int:
    opened: list[str] = []
    found: list[Token] = []
    while at < len(script):
        at = _next(script, at, found, opened)
        if not opened:
            return at
    raise Broken("$( is not closed")


def _comment(script: str, at: int, found: list[Token]) -> int:
    if found and found[-1].kind == "word" and script[at - 1] not in " \t":
        return _word(script, at, found)
    end = at
    while end < len(script) and script[end] not in BREAKS:
        end += 1
    found.append(Token("comment", script[at:end]))
    return end


def _word(script: str, at: int, found: list[Token]) -> int:
    end = at
    while end < len(script) and not (
        script[end].isspace() or script[end] in SINGLE + DOUBLE + "()[]{}"
    ):
        if script.startswith("<#", end):
            raise Broken("a block comment")
        if script[end] == "`":
            end += 1
        end += 1
    found.append(Token("word", script[at:end]))
    return end


def shape(script: str) -> list[tuple[str, str]]:
    """The script without what its literals and comments say: what would be carried out."""
    return [
        (one.kind, "" if one.kind in ("literal", "comment") else one.text) for one in tokens(script)
    ]
