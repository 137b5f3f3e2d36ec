"""Whatever somebody calls a machine, a script keeps its shape."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policies.powershell import LONGEST, Unquotable, comment, quoted, remark
from tests.policies.powershell import Broken, literal, shape, tokens

NASTY = (
    "'\u2018\u2019\u201a\u201b\"\u201c\u201d\u201e`$(){}[];|&#<>\\%"
    "\r\n\t\0\u0085\u2028\u202e\u200b\u00ad"
)
names = st.text(st.one_of(st.sampled_from(NASTY), st.characters())) | st.text(max_size=12)
ANSI = ("cp1252", "cp1250", "cp1251", "cp932", "gbk", "big5", "cp949", "latin-1", "cp437")


def meant(expression: str) -> str:
    """What PowerShell makes of a quoted value."""
    if expression.startswith("'"):
        value, end = literal(expression, 0)
        assert end == len(expression)
        return value
    inner = expression.removeprefix("([regex]::Unescape(").removesuffix("))")
    value, end = literal(inner, 0)
    assert end == len(inner)
    units = re.sub(r"\\u([0-9a-f]{4})|\\\\", lambda m: chr(int(m[1], 16)) if m[1] else "\\", value)
    return units.encode("utf-16", "surrogatepass").decode("utf-16")


def in_a_script(expression: str) -> str:
    return f"& {{\n    $name = {expression}\n    Remove-Snapshot $name\n}}\n"


@given(names)
@example("it's")
@example("'; Remove-VM * -Confirm:$false #")
@example("\u2019; Remove-VM * #")
@example("Ò; Remove-VM * #")
@example("a\\u0027b")
@example("\\")
@example("😀")
def test_a_quoted_name_is_one_literal_and_means_exactly_the_name(name: str):
    try:
        expression = quoted(name)
    except Unquotable:
        return

    plain = quoted("name" if name.isascii() else "blå")
    assert meant(expression) == name
    assert expression.isascii()
    assert expression.isprintable()
    assert shape(in_a_script(expression)) == shape(in_a_script(plain))


@given(names)
@example("Ò; Remove-VM * #")
@example("’’")
def test_a_script_read_in_another_code_page_keeps_its_shape(name: str):
    """Windows PowerShell takes a file without a byte order mark for the machine's code page."""
    try:
        script = in_a_script(quoted(name))
    except Unquotable:
        return

    for page in ANSI:
        assert shape(script.encode().decode(page, "replace")) == shape(script)


@pytest.mark.parametrize(
    "name",
    [
        "a\nb",
        "a\rb",
        "a\0b",
        "a\u2028b",
        "a\u0085b",
        "\u202egpj.exe",
        "a\u200bb",
        "a\u00adb",
        "\ue000",
    ],
)
def test_what_nobody_can_see_is_not_quoted(name: str):
    with pytest.raises(Unquotable):
        quoted(name)


def test_a_name_as_long_as_a_page_is_not_quoted():
    assert quoted("a" * LONGEST)
    with pytest.raises(Unquotable):
        quoted("a" * (LONGEST + 1))


def test_quotes_are_doubled():
    assert quoted("it's") == "'it''s'"
    assert quoted("blå") == r"([regex]::Unescape('bl\u00e5'))"


@given(names)
@example("a\nRemove-VM *")
@example("a\rRemove-VM *")
@example("<# a")
@example("#> b")
@example("SIG # Begin signature block")
def test_a_comment_stays_one_line_and_a_comment(text: str):
    for line in (comment(text), remark(text)):
        script = f"Get-VM\n{line}\nGet-VMHost"
        assert shape(script) == shape("Get-VM\n# harmless\nGet-VMHost")
        assert line[-1].isascii()
        for page in ANSI:
            read = script.encode("utf-8", "replace").decode(page, "replace")
            assert shape(read) == shape(script)


def test_the_reader_sees_what_is_not_closed():
    for broken in ("'a", '"a', "{ (}", "}", "& { 'a }", '"$(', "a <# b #>"):
        with pytest.raises(Broken):
            tokens(broken)


def test_the_reader_takes_a_typographic_quote_for_a_quote():
    with pytest.raises(Broken):
        tokens("$a = 'it\u2019; Remove-VM'")
