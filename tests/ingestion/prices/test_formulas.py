"""Price formulas of gateways: which branch holds for a call, what it comes to, and what is refused by name."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ingestion.prices.formulas import TESTED, FormulaError, exact, read

TIERED = 'len <= 200000 ? tier("standard", p*3 + c*15 + cr*0.3) : tier("long", p*6 + c*22.5 + cr*0.6)'


@pytest.mark.parametrize(
    ("text", "counts", "value"),
    [
        ("p*3 + c*15", {"p": 1000, "c": 100}, "4500"),
        # 3 + 2 x 3 before the minus, from left to right.
        ("p*(3 + 2*3) - p - p", {"p": 10}, "70"),
        ("p*3/4", {"p": 1}, "0.75"),
        ("2*p + 7", {"p": 5}, "17"),
        ("-(-p*2)", {"p": 5}, "10"),
        ("p*1e-3", {"p": 1}, "0.001"),
        ("p*.000000000000000001", {"p": 3}, "0.000000000000000003"),
        # Half of a price that has no end in decimals comes out even.
        ("p*(1/3)*3", {"p": 7}, "7"),
    ],
)
def test_a_formula_is_worked_out_to_the_last_digit(text: str, counts: dict[str, int], value: str) -> None:
    assert read(text).value(counts) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "counts", "value"),
    [
        # 200,000 x 3 and 200,001 x 6.
        (TIERED, {"p": 200000, "len": 200000}, "600000"),
        (TIERED, {"p": 200001, "len": 200001}, "1200006"),
        ("p < 10 ? p*1 : p*2", {"p": 9}, "9"),
        ("p < 10 ? p*1 : p*2", {"p": 10}, "20"),
        ("p > 10 ? p*1 : p*2", {"p": 10}, "20"),
        ("p >= 10 ? p*1 : p*2", {"p": 10}, "10"),
        ("p == 10 ? p*1 : p*2", {"p": 10}, "10"),
        ("p != 10 ? p*1 : p*2", {"p": 11}, "11"),
        # A bound between two whole numbers: 9 is below 9.5, 10 is not; nothing equals it.
        ("p < 9.5 ? p*1 : p*2", {"p": 10}, "20"),
        ("p == 9.5 ? p*1 : p*2", {"p": 9}, "18"),
        # The same bound with the count on the right, and turned over by a minus.
        ("10 > p ? p*1 : p*2", {"p": 9}, "9"),
        ("-p > -10 ? p*1 : p*2", {"p": 9}, "9"),
        ("p > 5 && c > 5 ? p*1 : p*2", {"p": 6, "c": 5}, "12"),
        ("p > 5 || c > 5 ? p*1 : p*2", {"p": 6, "c": 5}, "6"),
        ("!(p > 5) ? p*1 : p*2", {"p": 6}, "12"),
        ("p > 5 ? c > 5 ? p*1 : p*2 : p*3", {"p": 6, "c": 5}, "12"),
        ("(p > 5 ? 2 : 1) * p + (c > 5 ? 20 : 10) * c", {"p": 6, "c": 5}, "62"),
    ],
)
def test_exactly_one_branch_holds_for_a_call(text: str, counts: dict[str, int], value: str) -> None:
    assert read(text).value(counts) == Decimal(value)


def test_a_service_tier_has_a_branch_and_all_others_another() -> None:
    formula = read('service_tier == "priority" ? p*2 : service_tier == "flex" ? p*0.5 : p*1')
    assert [formula.value({"p": 10}, tier) for tier in ("priority", "flex", "standard")] == [
        Decimal(20),
        Decimal(5),
        Decimal(10),
    ]


def test_a_branch_keeps_the_name_of_its_tier_and_the_formula_its_counts() -> None:
    formula = read(TIERED)
    assert [branch.tier for branch in formula.branches] == ["standard", "long"]
    assert formula.uses == {"len", "p", "c", "cr"}


def test_the_same_edges_in_every_part_of_a_sum_make_no_more_branches_than_there_are_ranges() -> None:
    """39 edges of the prompt part it into 40 ranges, not into 2^39."""
    assert len(read(" + ".join(f"(len > {edge} ? p : c)" for edge in range(1, 40))).branches) == 40


def test_prices_are_never_floats() -> None:
    """0.1 + 0.2 is 0.3 here."""
    (branch,) = read("p*0.1 + p*0.2").branches
    assert exact(branch.prices["p"]) == Decimal("0.3")
    assert {type(exact(price)) for price in branch.prices.values()} == {Decimal}


def nested(depth: int) -> str:
    """`p` in as many brackets."""
    return "(" * depth + "p" + ")" * depth


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("p*c", "counts are multiplied with each other"),
        ("p/c", "divided by a count or by zero"),
        ("p/0", "divided by a count or by zero"),
        ("p*1/3", "needs more than 18 decimals"),
        ("p*-1", "is no price"),
        ("p*1000000", "is no price"),
        ("p*1e40", "is no price"),
        ("min(p, 10)*3", "'min' is not known"),
        ("p*3 @ c", "is not understood"),
        ("p*3 c", "'c' after the end"),
        ("p*", "'the end' where a value belongs"),
        ("(p*3", "'the end' where ) belongs"),
        ("", "'the end' where a value belongs"),
        ("p > c ? p : c", "a comparison that is not of one count with a number"),
        ("(p > 1 ? p : c) > 5 ? p : c", "a choice inside a comparison"),
        ("p ? p*3 : p*4", "'count' where a condition belongs"),
        ('"words"', "'words' where an amount belongs"),
        ("service_tier*3", "'service_tier' where an amount belongs"),
        (nested(70), "nested more than 60 deep"),
        ("p" * 4001, "longer than 4000 characters"),
        (" * ".join(f"({name} > 1 ? 1 : 2)" for name in TESTED), "more than 500 branches"),
    ],
)
def test_what_is_no_choice_between_sums_of_prices_is_refused_by_name(text: str, why: str) -> None:
    with pytest.raises(FormulaError) as refusal:
        read(text)
    assert why in str(refusal.value)
