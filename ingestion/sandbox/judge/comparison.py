"""One line that compares planted with found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """What, how much of it was planted, how much was found."""

    what: str
    planted: str
    found: str

    @property
    def agrees(self) -> bool:
        """Whether exactly what was planted was found."""
        return self.planted == self.found
