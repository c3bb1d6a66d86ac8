"""The token classes of dbt_project.yml: their labels in reports, and their columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import yaml

from dagster_project.dbt_runner.project import PROJECT_DIR


@dataclass(frozen=True)
class TokenClass:
    """One class of tokens with a price of its own.

    Attributes:
        name: of the class, as in the price catalogue.
        label: its label on a bill.
        side: input or output.
        tokens: column that counts it.
        list_as: name of the class at whose price it is listed.
        priced_as: classes of the catalogue, of which the first that has a price is its price.
        is_cache_read: whether the provider's prompt cache served it.
    """

    name: str
    label: str
    side: str
    tokens: str
    list_as: str
    priced_as: tuple[str, ...]
    is_cache_read: bool

    @property
    def price(self) -> str:
        """Column of its price, USD per million tokens."""
        return f"{self.name}_usd_per_mtok"

    @property
    def list_price(self) -> str:
        """Column of the price at which it is listed, USD per million tokens."""
        return f"{self.list_as}_usd_per_mtok"


@cache
def token_classes() -> tuple[TokenClass, ...]:
    """Return the classes in the order of a bill; disjoint, and together all of input and output."""
    settings = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text(encoding="utf-8"))
    return tuple(
        TokenClass(
            entry["class"],
            entry["label"],
            entry["side"],
            entry["tokens"],
            entry["list_as"],
            tuple(entry["prices"]),
            entry.get("cached") == "read",
        )
        for entry in settings["vars"]["token_classes"]
    )
