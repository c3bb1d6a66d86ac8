"""Price formulas of the accepted load records → `raw/price_formulas/formulas.parquet`, one row per branch of each.

A formula that cannot be read has one row with its reason and no prices: its calls are unpriced, not guessed.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import polars as pl

from ingestion import accepted
from ingestion.home import Home
from ingestion.prices.formulas import PRICED, SCALE, TESTED, Branch, Formula, FormulaError, exact, read
from ingestion.prices.parquet import fingerprint, is_made_from, write_whole

SCHEMA = pl.Schema(
    {
        "price_formula": pl.String,
        "branch": pl.Int64,
        "tier": pl.String,
        "reason": pl.String,
        "service_tier": pl.String,
        "other_service_tiers": pl.String,
        **{f"{name}_from": pl.Int64 for name in TESTED},
        **{f"{name}_to": pl.Int64 for name in TESTED},
        **{f"uses_{name}": pl.Boolean for name in PRICED},
        **{f"{name}_usd_per_mtok": pl.Decimal(24, SCALE) for name in (*PRICED, "constant")},
    }
)
_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class FormulasResult:
    """Result of `write_formulas`: distinct formulas, those refused, and whether the file was written."""

    path: Path
    formulas: int
    refused: int
    written: bool


def write_formulas(home: Home) -> FormulasResult:
    """Read every formula of the accepted load records and write formulas.parquet, unless nothing changed."""
    seen = sorted(_seen(home))
    path = home.price_formulas
    made_from = fingerprint(seen)
    written = not is_made_from(path, made_from)
    if written:
        rows = [row for text in seen for row in _rows(text)]
        write_whole(pl.DataFrame(rows, schema=SCHEMA, orient="row"), path, made_from)
    refused = pl.read_parquet(path, columns=["reason"], glob=False)["reason"].count()
    return FormulasResult(path, len(seen), refused, written)


def _seen(home: Home) -> set[str]:
    formulas = set()
    for record in accepted.every(home):
        formulas.update(record.get("price_formulas", ()))
    return formulas


def _rows(text: str) -> Iterator[dict[str, object]]:
    """Yield a formula's rows; `text` is base64, as on the gateway's rows."""
    try:
        formula = read(base64.b64decode(text.encode(), validate=True).decode())
    except (binascii.Error, UnicodeDecodeError):
        yield {"price_formula": text, "branch": 0, "reason": "not base64 of a text"}
    except FormulaError as error:
        yield {"price_formula": text, "branch": 0, "reason": str(error)}
    else:
        for number, branch in enumerate(formula.branches):
            yield {"price_formula": text, "branch": number, **_branch(formula, branch)}


def _branch(formula: Formula, branch: Branch) -> dict[str, object]:
    ranges = {name: branch.box.ranges.get(name, (0, None)) for name in TESTED}
    return {
        "tier": branch.tier,
        "service_tier": branch.box.service_tier,
        "other_service_tiers": "".join(f"|{tier}|" for tier in sorted(branch.box.other_tiers)),
        **{f"{name}_from": low for name, (low, _) in ranges.items()},
        **{f"{name}_to": _LARGEST if high is None else high for name, (_, high) in ranges.items()},
        **{f"uses_{name}": name in formula.uses for name in PRICED},
        **{f"{name}_usd_per_mtok": exact(branch.prices.get(name, Fraction())) for name in PRICED},
        "constant_usd_per_mtok": exact(branch.prices.get("", Fraction())),
    }
