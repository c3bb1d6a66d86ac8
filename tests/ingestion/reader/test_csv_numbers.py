"""Numbers as consoles show them: read where only one number can be meant, else a reject."""

from __future__ import annotations

import pytest

from ingestion.reader.formats.csv_numbers import plain
from ingestion.reader.strict_json import BadLine
from ingestion.streams import COUNT, DURATION_MS, MONEY, TEXT, TOKENS

AMBIGUOUS = str(("ambiguous_number", "Cost"))


def shown(cell: str, kind, delimiter: str) -> str:
    try:
        return plain(cell, kind, delimiter, "Cost")
    except BadLine as fault:
        return str(fault.args)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("kind", "cell", "number"),
    [
        (TOKENS, "1128", "1128"),
        (TOKENS, "1,128", "1128"),
        (TOKENS, "1,000", "1000"),
        (TOKENS, "12,345,678", "12345678"),
        (TOKENS, "1.128.000", "1128000"),
        (TOKENS, "1 128", "1128"),
        (TOKENS, "1\u202f128", "1128"),
        (TOKENS, "1'128", "1128"),
        (TOKENS, "-1,128", "-1128"),
        (TOKENS, "1.128", AMBIGUOUS),
        (TOKENS, "1.000", AMBIGUOUS),
        (TOKENS, "5.0", "5.0"),
        (MONEY, "$0.0022", "0.0022"),
        (MONEY, "$ 0.0022", "0.0022"),
        (MONEY, "US$0.0022", "0.0022"),
        (MONEY, "0.0022 USD", "0.0022"),
        (MONEY, "-$0.0022", "-0.0022"),
        (MONEY, "$-0.0022", "-0.0022"),
        (MONEY, "$1,128.50", "1128.50"),
        (MONEY, "1,128,000", "1128000"),
        (MONEY, "1.128", "1.128"),
        (MONEY, "1e-5", "1e-5"),
        (DURATION_MS, "12 ms", "12"),
        (DURATION_MS, "1,834ms", "1834"),
        (DURATION_MS, "1.2s", "1200.0"),
    ],
)
def test_a_number_is_the_same_whatever_parts_the_cells(delimiter, kind, cell, number):
    assert shown(cell, kind, delimiter) == number


@pytest.mark.parametrize(
    ("cell", "by_commas", "by_others"),
    [
        ("1,128", "1128", AMBIGUOUS),
        ("$1,128", "1128", AMBIGUOUS),
        ("0,0022", "0,0022", "0.0022"),
        ("0,002", "0,002", "0.002"),
        ("12,5", "12,5", "12.5"),
        ("1.128,50", "1.128,50", "1128.50"),
    ],
)
def test_a_comma_in_an_amount_means_what_the_delimiter_leaves_it(cell, by_commas, by_others):
    assert shown(cell, MONEY, ",") == by_commas
    assert {shown(cell, MONEY, delimiter) for delimiter in ";\t|"} == {by_others}


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        (MONEY, "€0.0022"),
        (MONEY, "$$1"),
        (MONEY, "$1 USD"),
        (MONEY, "--1"),
        (MONEY, "-$-1"),
        (MONEY, "<$0.01"),
        (MONEY, "12 ms"),
        (MONEY, "1,28,000"),
        (COUNT, "12 ms"),
        (TOKENS, "$5"),
        (DURATION_MS, "$5"),
        (DURATION_MS, "2m"),
        (TOKENS, "n/a"),
        (TEXT, "1,128"),
    ],
)
def test_what_is_no_number_of_its_kind_stays_as_it_is_and_is_rejected_for_it(kind, cell):
    assert shown(cell, kind, ",") == cell
