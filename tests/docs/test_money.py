"""docs/money.md: the sums of its example come to the amounts beside them."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest

DOCUMENT = (Path(__file__).parents[2] / "docs" / "money.md").read_text(encoding="utf-8")
SUMS = re.findall(r"^\| [^|]+ \| `(\w+)` \| ([\d(][^|]*) \| ([\d.]+) \|$", DOCUMENT, re.MULTILINE)


@pytest.mark.parametrize(("column", "written", "usd"), SUMS)
def test_a_sum_comes_to_its_amount(column: str, written: str, usd: str) -> None:
    numbers = re.sub(r"[\d,]*\d(?:\.\d+)?", lambda match: f"Fraction('{match[0].replace(',', '')}')", written)
    operators = numbers.translate(str.maketrans({"×": "*", "÷": "/", "−": "-"}))
    assert re.fullmatch(r"[\d.()+*/' -]*", operators.replace("Fraction", ""))
    assert eval(operators, {"Fraction": Fraction}) == Fraction(usd)


def test_the_example_has_all_tiers_and_the_factor_of_the_cache() -> None:
    amounts = {column: Fraction(usd) for column, _, usd in SUMS}
    assert len(amounts) == 6
    assert (
        amounts["list_cost_usd"] * Fraction("0.9") * Fraction("0.424") == amounts["cache_optimized_cost_usd"]
    )
