"""One thing the doctor found: what, where, and what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Diagnosis:
    """One line of the doctor's report.

    Attributes:
        kind: its kind in snake_case: gap, rejects, unpriced, ...
        where: source, stream or file it is about.
        what: what was found, as a clause.
        do: what to do, as an imperative; empty for information only.
    """

    kind: str
    where: str
    what: str
    do: str = ""

    @property
    def needs_a_person(self) -> bool:
        """Whether an action is needed."""
        return bool(self.do)

    def __str__(self) -> str:
        line = f"{self.kind:<13} {self.where}: {self.what}"
        return f"{line}; {self.do}" if self.do else line
