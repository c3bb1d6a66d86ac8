"""The messages of the code, as docs/troubleshooting.md names them: `…` for what differs, up to the first semicolon.

What follows the semicolon says what to do, so the document need not repeat it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Errors whose message a command prints as it stands. What is wrong in a file of settings is printed with its place.
SHOWN = {
    *(
        "HomeUnusable",
        "HomeLocked",
        "LockHeld",
        "StillChanging",
        "SourcesError",
        "UnknownSource",
        "AliasConflict",
    ),
    *("StripeSettingsError", "ListingError", "TokenMissing", "CallFailed", "PagingError"),
    *("AlertSettingsError", "NoSuchAlert", "NotSent", "NoSuchIncident", "NoSuchStatus"),
    *("NotOver", "NotClosable", "ClosedFileDamaged", "NotRestatable"),
    *("NothingPublished", "PublishedElsewhere", "MartMissing", "DbtBroken", "DbtParseFailed"),
    *("ExportError", "NoStatement"),
    *("SettingError", "WorkersError"),
    *("refuse", "end"),
}


def messages() -> set[str]:
    """Return every message of an error in `SHOWN`, and of a command's end, as the document names it."""
    found = set()
    for folder in ("ingestion", "dagster_project"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "sandbox" not in path.parts:
                for call in _calls(ast.parse(path.read_text(encoding="utf-8"))):
                    said = _text(call.args[0]) if call.args else None
                    found |= {as_named(said)} if said and re.search(r"[a-z]{3}", as_named(said)) else set()
    return found


def kinds() -> set[str]:
    """Return the kinds of what the doctor finds."""
    found = set()
    for path in (ROOT / "dagster_project" / "reports").glob("doctor*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and _name(node) == "Diagnosis"
                and isinstance(node.args[0], ast.Constant)
            ):
                found.add(node.args[0].value)
    return found


def as_named(message: str) -> str:
    """Return a message up to its first semicolon."""
    return message.partition(";")[0].strip()


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node) in SHOWN:
            yield node


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _text(node: ast.expr) -> str | None:
    """Return the words of a literal; None if it has none of its own."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
    return None
