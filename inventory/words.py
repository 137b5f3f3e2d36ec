"""Searching by the beginnings of words, as an index can: `vmgov_words` is in the database."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.search import SearchVectorField
from django.db.models import BooleanField, F, Func, Value

_TRIMMED = "“”„\"'’`()[]{}<>.,:;!?"  # as in `vmgov_words`
_LONGEST, _MOST = 100, 8


class Beginning(Func):
    """Whether each word of a search begins a word of the text."""

    template = "%(expressions)s::tsquery"
    arg_joiner = " @@ "
    conditional = True
    output_field: Any = BooleanField()


def words_of(field: str) -> Func:
    """The words of a column of text."""
    return Func(F(field), function="vmgov_words", output_field=SearchVectorField())


def begin(vector: Any, text: str) -> Beginning | None:
    """The condition that the text's words begin words of the vector; None when it has no word."""
    terms = [word.strip(_TRIMMED)[:_LONGEST] for word in text.lower().replace("\x00", " ").split()]
    named = [term for term in terms if term][:_MOST]
    if not named:
        return None
    return Beginning(vector, Value(" & ".join(_quoted(term) for term in named)))


def _quoted(term: str) -> str:
    """A term as `tsquery` reads it: nothing in it is an operator."""
    return "'" + term.replace("\\", "\\\\").replace("'", "''") + "':*"
