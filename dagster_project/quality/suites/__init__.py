"""What is expected of a profile, as data: each suite has a version, each expectation a meaning and a consequence.

A suite's version rises with every change to it; a test compares it with the content. What a reader, a contract or a dbt
test already demands is not repeated here.

Rulings: docs/decisions/quality.md#quality-1, docs/decisions/quality.md#quality-2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Expectation:
    """One expectation of a column of a profile; a column that is null cannot be judged and is not.

    Attributes:
        name: the promise, unique in its suite.
        column: of the profile.
        meaning: what it says, for a person.
        least: smallest allowed value.
        most: largest allowed value.
        setting: setting of the source in sources.yml that is `most`.
        is_blocking: whether a failure holds back what was judged; otherwise it warns.
    """

    name: str
    column: str
    meaning: str
    least: float | None = None
    most: float | None = None
    setting: str = ""
    is_blocking: bool = True

    def limits(self, settings: Mapping[str, Any]) -> tuple[float | None, float | None]:
        """Return the least and the most allowed value."""
        return self.least, settings[self.setting] if self.setting else self.most

    def demand(self, settings: Mapping[str, Any]) -> str:
        """Return the limits in words: `must be 0`, `must be at least 0.25 and at most 4`."""
        least, most = self.limits(settings)
        if least == most:
            return f"must be {least:,.10g}"
        words = (("at least", least), ("at most", most))
        return "must be " + " and ".join(
            f"{word} {limit:,.10g}" for word, limit in words if limit is not None
        )


@dataclass(frozen=True)
class Suite:
    """Expectations of one kind of profile.

    Attributes:
        name: of the suite, in dq_results.
        version: rises with every change.
        subject: what one row of the profile is.
        holds_back: what a failure of a blocking expectation holds back.
        expectations: in the order they are shown.
    """

    name: str
    version: int
    subject: str
    holds_back: str
    expectations: Sequence[Expectation] = field(default_factory=tuple)

    def expectation(self, name: str) -> Expectation:
        """Return the expectation of a name."""
        return next(expectation for expectation in self.expectations if expectation.name == name)
