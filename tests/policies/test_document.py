import pytest

from policies.document import (
    Area,
    BadDocument,
    coverage,
    load,
    parse,
    refuse_strangers,
)
from policies.registry import all_checks

STATEMENT = """
[[statements]]
id = "PHY-1"
area = "segregation"
title = "t"
text = "t"
why = "w"
basis = ["auto"]
severity = "high"
section = "s"
"""
HEAD = 'slug = "p"\ntitle = "P"\nversion = "1"\nsummary = "s"\n'


def test_the_shipped_document_has_every_statement_once_and_in_order():
    ids = [statement.id for statement in load().statements]

    assert ids == [
        *(f"SCP-{number}" for number in range(1, 4)),
        *(f"PHY-{number}" for number in range(1, 7)),
        *(f"LOG-{number}" for number in range(1, 7)),
        "LOG-6b",
        "LOG-7",
        *(f"SEC-{number}" for number in range(8)),
        *(f"IMG-{number}" for number in range(1, 5)),
        *(f"IR-{number}" for number in range(1, 12)),
        *(f"CHG-{number}" for number in range(8)),
    ]


def test_every_area_has_statements():
    assert {statement.area for statement in load().statements} == set(Area)


def test_every_check_names_statements_of_the_shipped_document():
    refuse_strangers(load(), all_checks())


def test_coverage_names_the_checks_of_a_statement_and_none_for_an_uncovered_one():
    covered = coverage(load(), all_checks())

    assert covered["PHY-1"] == ("host-physical-nics",)
    assert covered["IR-11"] == ()


def test_a_statement_that_only_people_can_know_has_no_check():
    document = load()

    for id, checks in coverage(document, all_checks()).items():
        assert not checks or "auto" in document.statement(id).basis, id


@pytest.mark.parametrize(
    "text",
    [
        HEAD + STATEMENT + STATEMENT,
        HEAD + STATEMENT.replace("segregation", "parking"),
        HEAD + STATEMENT.replace('"auto"', '"rumour"'),
        HEAD + STATEMENT.replace('"PHY-1"', '"phy 1"'),
        HEAD + STATEMENT.replace('why = "w"', 'why = ""'),
        HEAD + STATEMENT + 'colour = "red"\n',
        HEAD,
        "slug = ",
    ],
)
def test_an_unsound_document_is_refused(text):
    with pytest.raises(BadDocument):
        parse(text)


def test_a_check_that_names_a_stranger_is_refused():
    with pytest.raises(BadDocument, match="is no statement"):
        refuse_strangers(parse(HEAD + STATEMENT), all_checks())
