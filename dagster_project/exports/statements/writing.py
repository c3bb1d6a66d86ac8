"""Statements as files: per workspace an HTML page, a PDF and a manifest, each whole or not at all.

    <folder>/<workspace>.html  <workspace>.pdf  <workspace>.manifest.json

The manifest has the totals, the hashes of both files and the publication; it is renamed into place last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from dagster_project.exports.manifest import plain
from dagster_project.exports.reports import ExportError
from dagster_project.exports.statements.content import Statement, by_currency, statement, workspaces
from dagster_project.exports.statements.document import document
from dagster_project.exports.statements.page import page
from dagster_project.exports.statements.pdf import pdf
from dagster_project.exports.writing import reading
from ingestion.files import whole
from ingestion.home import Home

#: Longer names of files are cut and made distinct by a hash.
_LONGEST_NAME = 120


@dataclass(frozen=True)
class WrittenStatement:
    """A statement, its PDF, and whether it was written now; page and manifest are beside the PDF."""

    statement: Statement
    path: Path
    is_new: bool


class NoStatement(RuntimeError):
    """There is no usage, invoice or payment in the month; nothing was written."""


def folder_of(home: Home, month: date) -> Path:
    """Return where the statements of a month are written by default."""
    return home.exports / "statements" / f"{month:%Y-%m}"


def write_statements(
    home: Home,
    month: date,
    folder: Path | None = None,
    only: Sequence[str] = (),
    keep_current: bool = False,
) -> Iterator[WrittenStatement]:
    """Write the statements of a month; yield each when its files are there.

    Args:
        home: Whose published marts are read.
        month: First day of the month.
        folder: Where to; created if need be.
        only: Workspaces; all with usage, an invoice or a payment in the month by default.
        keep_current: Keep files that were written from this publication.

    Raises:
        NothingPublished: no run has published yet.
        NoStatement: nothing happened in the month.
        ExportError: a workspace of `only` has nothing in the month, or the folder is a file.
    """
    target = (folder or folder_of(home, month)).absolute()
    if target.exists() and not target.is_dir():
        raise ExportError(f"{target} is not a folder; name a folder in --out")
    with reading(home, "statements") as marts:
        known = workspaces(marts, month)
        if not known:
            raise NoStatement(f"no usage, invoice or payment in {month:%Y-%m}; nothing was written")
        for workspace in only:
            if workspace not in known:
                raise ExportError(
                    f"--workspace {workspace} has nothing in {month:%Y-%m}; there are {', '.join(known)}"
                )
        for workspace in only or known:
            made = statement(marts, workspace, month)
            path = target / f"{file_name(workspace)}.pdf"
            is_new = not (keep_current and _is_current(made, path))
            if is_new:
                _write(made, path)
            yield WrittenStatement(made, path, is_new)


def file_name(workspace: str) -> str:
    """Return a workspace as the name of a file: every sign that could be read as something else is `%XX`."""
    name = quote(workspace, safe=" @+~")
    name = f"%2E{name[1:]}" if name.startswith(".") else name
    if len(name) > _LONGEST_NAME:
        name = f"{name[:_LONGEST_NAME]}-{hashlib.sha256(workspace.encode()).hexdigest()[:12]}"
    return name


def _write(made: Statement, path: Path) -> None:
    text = document(made)
    contents = {"html": page(text).encode(), "pdf": pdf(text, made.published_at)}
    with whole(path.with_name(f"{path.stem}.manifest.json")) as described:
        for suffix, content in contents.items():
            with whole(path.with_name(f"{path.stem}.{suffix}")) as temporary:
                temporary.write_bytes(content)
        described.write_text(_manifest(made, path.stem, contents), encoding="utf-8")


def _is_current(made: Statement, path: Path) -> bool:
    """Return whether the files of a statement were written from its publication by this version."""
    try:
        manifest = json.loads(path.with_name(f"{path.stem}.manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    stated = (manifest.get("publication_id"), manifest.get("tollbook"))
    is_there = all((path.parent / name).exists() for name in manifest.get("sha256", [path.name]))
    return stated == (made.publication_id, version("tollbook")) and is_there


def _manifest(made: Statement, name: str, contents: dict[str, bytes]) -> str:
    usage = made.usage
    amounts = {
        "list_cost_usd": usage.list_cost,
        "discount_savings_usd": usage.discount_savings,
        "discounted_cost_usd": usage.discounted_cost,
        "cache_savings_usd": usage.cache_savings,
        "cache_optimized_cost_usd": usage.cache_optimized_cost,
    }
    content = {
        "workspace": made.workspace,
        "month": f"{made.month:%Y-%m}",
        "is_over": made.is_over,
        "requests": usage.requests,
        "unpriced_requests": usage.unpriced_requests,
        "sums": {field: None if amount is None else plain(amount) for field, amount in amounts.items()},
        "invoices": _texts(by_currency(made.invoices, ("net", "vat", "total", "payable"))),
        "payments": _texts(by_currency(made.payments, ("received", "refunded", "disputed", "net"))),
        "sha256": {
            f"{name}.{suffix}": hashlib.sha256(written).hexdigest() for suffix, written in contents.items()
        },
        "publication_id": made.publication_id,
        "published_at": f"{made.published_at:%Y-%m-%dT%H:%M:%SZ}",
        "tollbook": version("tollbook"),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _texts(sums: Mapping[str, Mapping[str, Decimal]]) -> dict[str, dict[str, str]]:
    return {
        currency: {field: plain(value) for field, value in fields.items()}
        for currency, fields in sums.items()
    }
