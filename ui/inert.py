"""Text from a platform, made harmless to read: nothing in it can hide, reorder or break a line."""

import unicodedata

# Marks that change the order or the look of what surrounds them, and characters nobody can see.
_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_JOINERS = frozenset({"\u200c", "\u200d"})  # needed to write Persian, Hindi and emoji


def inert(text: str) -> str:
    """The text with every control and direction mark drawn as a visible sign."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_drawn(character) for character in text)


def shortened(text: str, limit: int) -> str:
    """The first `limit` characters of the inert text, with an ellipsis when there are more."""
    drawn = inert(text[: limit + 1])
    return drawn if len(drawn) <= limit else drawn[: limit - 1].rstrip() + "…"


def _drawn(character: str) -> str:
    if character in _JOINERS or unicodedata.category(character) not in _INVISIBLE:
        return character
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)  # ␀ to ␟, the pictures of the control characters
    return f"⟨U+{code:04X}⟩"
