"""What a reader of a record may rely on."""

import ast
import inspect
import tokenize
from collections.abc import Iterator
from io import StringIO
from types import ModuleType

import pytest

from inventory import parts, records

MODULES = (records, parts)


def fields(source: str) -> Iterator[tuple[str, int, int]]:
    """Every field of every struct: its name, and the first and the last line it stands on."""
    structs = (each for each in ast.parse(source).body if isinstance(each, ast.ClassDef))
    for struct in structs:
        for field in struct.body:
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                yield f"{struct.name}.{field.target.id}", field.lineno, field.end_lineno or 0


def comments(source: str) -> dict[int, str]:
    """The comments by line."""
    read = tokenize.generate_tokens(StringIO(source).readline)
    return {token.start[0]: token.line for token in read if token.type == tokenize.COMMENT}


def bare(source: str) -> list[str]:
    """The fields without a comment behind them, or right above them on lines of its own."""
    said = comments(source)
    return [
        name
        for name, first, last in fields(source)
        if not said.keys() & set(range(first, last + 1))
        and not said.get(first - 1, "").lstrip().startswith("#")
    ]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_field_says_where_it_comes_from(module: ModuleType) -> None:
    assert bare(inspect.getsource(module)) == []


def test_a_field_without_a_word_of_its_own_is_found() -> None:
    source = """
class Thing(Record):
    told: str  # name
    # summary.url
    below: str
    silent: str
    after: str | None = None  # and this one tells of itself alone
    last: str = "# no comment"
"""

    assert bare(source) == ["Thing.silent", "Thing.last"]
