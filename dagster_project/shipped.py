"""Folders shipped with the package: the dbt project and the notebooks.

In a checkout they are at the top level; in the wheel they are below this package (pyproject.toml).

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
    """Return the cache folder of `name`: inside it in a checkout, else in the user's cache."""
    folder = shipped(name)
    return folder / "target" if folder.parent == _PACKAGE.parent else user_cache_path("tollbook") / name
