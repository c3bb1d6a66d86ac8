"""Folders that travel with the package: the dbt project and the notebooks.

In a checkout they stand at the top; the wheel carries them below this package (pyproject.toml).
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """Return the folder called `name`, of the wheel where it is installed, else of the checkout."""
    packaged = _PACKAGE / "_shipped" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name
