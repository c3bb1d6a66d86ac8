"""A statement as a PDF, set by Typst with the fonts that its package brings; the text reaches it as JSON values.

The same statement gives the same bytes: the date in the file is that of the publication.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from dagster_project.exports.statements.document import Document

_TEMPLATE = Path(__file__).parent / "statement.typ"


def pdf(document: Document, published_at: datetime) -> bytes:
    """Return the PDF; `published_at` is in UTC."""
    import typst

    content = json.dumps(document.as_json(), ensure_ascii=False)
    seconds = int((published_at - datetime(1970, 1, 1)).total_seconds())
    return typst.compile(
        _TEMPLATE, format="pdf", sys_inputs={"document": content}, timestamp=seconds, ignore_system_fonts=True
    )
