"""A statement as one HTML page: no script, no outside request, readable in print and in the dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from dagster_project.exports.statements.document import Document, Table

_STYLE = """
:root { color-scheme: light dark; --line: #c9ced6; --soft: #5c6773; --head: #f3f5f8 }
@media (prefers-color-scheme: dark) { :root { --line: #3d4652; --soft: #9aa5b1; --head: #1d232b } }
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1.2rem }
h1 { font-size: 1.6rem; margin: 0 0 1rem } h2 { font-size: 1.1rem; margin: 2rem 0 .4rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: 0 } dt { color: var(--soft) }
dd { margin: 0; overflow-wrap: anywhere } .scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100% } th { background: var(--head); text-align: left; font-weight: 600 }
th, td { padding: .3rem .55rem; border-bottom: 1px solid var(--line); vertical-align: top }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
tfoot td { font-weight: 600; border-top: 2px solid currentColor } p.note { color: var(--soft); margin: .3rem 0 }
.steps { width: auto; margin-top: 1.2rem } .steps tr:nth-child(odd) td { font-weight: 600 }
@media print {
  body { font-size: 10px; margin: 0; max-width: none } h2 { break-after: avoid } tr { break-inside: avoid }
}
"""


def page(document: Document) -> str:
    """Return the page."""
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in document.facts)
    steps = "".join(
        f'<tr><td>{escape(label)}</td><td class="number">{escape(amount)} USD</td>'
        f'<td class="number">{escape(share)}</td></tr>'
        for label, amount, share in document.steps
    )
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in document.notes)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(document.title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(document.title)}</h1><dl>{facts}</dl>"
        f'<table class="steps"><tbody>{steps}</tbody></table>{notes}'
        f"{''.join(map(_table, document.tables))}</body></html>\n"
    )


def _table(table: Table) -> str:
    body = ""
    if table.rows:
        header = _cells("th", table.header, table.texts)
        rows = "".join(f"<tr>{_cells('td', row, table.texts)}</tr>" for row in table.rows)
        totals = "".join(f"<tr>{_cells('td', row, table.texts)}</tr>" for row in table.totals)
        body = (
            f'<div class="scroll"><table><thead><tr>{header}</tr></thead><tbody>{rows}</tbody>'
            f"<tfoot>{totals}</tfoot></table></div>"
        )
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    return f"<h2>{escape(table.title)}</h2>{body}{note}"


def _cells(tag: str, cells: Sequence[str], texts: int) -> str:
    return "".join(
        f"<{tag}>{escape(cell)}</{tag}>" if place < texts else f'<{tag} class="number">{escape(cell)}</{tag}>'
        for place, cell in enumerate(cells)
    )
