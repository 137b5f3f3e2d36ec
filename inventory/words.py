"""Searching by the beginnings of words, as an index can: `vmgov_words` is in the database."""

from __future__ import annotations

from typing import Any

from django.db.models import BooleanField, Func, Value

_TRIMMED = "“”„\"'’`()[]{}<>.,:;!?"  # as in `vmgov_words`
_LONGEST, _MOST = 100, 8


class Beginning(Func):
    """Whether each word of a search begins a word of the text."""

    template = "%(expressions)s::tsquery"
    arg_joiner = " @@ "
    conditional = True
    output_field: Any = BooleanField()


def begin(vector: Any, text: str) -> Beginning | None:
    """The condition that the text's words begin words of the vector; None when it has no word."""
    named = terms(text)
    if not named:
        return None
    return Beginning(vector, Value(" & ".join(beginning(term) for term in named)))


def terms(text: str) -> list[str]:
    """The words of a search, a few and none too long."""
    said = [trimmed(word)[:_LONGEST] for word in text.lower().replace("\x00", " ").split()]
    return [term for term in said if term][:_MOST]


def trimmed(word: str) -> str:
    """A word without what stands around it in a sentence."""
    return word.strip(_TRIMMED)


def beginning(term: str) -> str:
    """A term that begins what is looked for, as `tsquery` reads it."""
    return f"{quoted(term)}:*"


def quoted(term: str) -> str:
    """A term as `tsquery` reads it: nothing in it is an operator."""
    return "'" + term.replace("\\", "\\\\").replace("'", "''") + "'"
