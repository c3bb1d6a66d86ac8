"""Folders that travel with the package: the dbt project and the notebooks.

In a checkout they stand at the top; the wheel carries them below this package (pyproject.toml).

Rulings: docs/decisions/structure.md#structure-3.
"""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """Return the folder called `name`, of the wheel where it is installed, else of the checkout."""
    packaged = _PACKAGE / "_shipped" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name


def cache(name: str) -> Path:
    """Return where files may be kept that can be made again: beside `name` in a checkout, else the user's cache."""
    folder = shipped(name)
    return folder / "target" if folder.parent == _PACKAGE.parent else user_cache_path("tollbook") / name
