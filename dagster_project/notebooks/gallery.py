"""The page with all notebooks: a picture, a title and a sentence each.

Title and sentence are those of the notebook's own head; the pictures are made by its browser tests
(`make pictures`) from generated data.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

_HEAD = re.compile(r'tables\.head\(\s*"([^"]+)",\s*((?:"[^"]*"\s*)+),')
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Tollbook</title>
<style>
:root { color-scheme: light dark; --edge: light-dark(#d5dae1, #3a424d); --soft: light-dark(#57606a, #9aa4af); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1180px; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; } p { color: var(--soft); margin: .3rem 0 0; }
ul { list-style: none; padding: 0; display: grid; gap: 1.2rem;
     grid-template-columns: repeat(auto-fill, minmax(330px, 1fr)); }
a { display: block; height: 100%; overflow: hidden; color: inherit; text-decoration: none;
    border: 1px solid var(--edge); border-radius: 8px; }
a:hover, a:focus-visible { border-color: #2f6fd0; }
img { display: block; width: 100%; aspect-ratio: 16 / 10; object-fit: cover; object-position: top;
      border-bottom: 1px solid var(--edge); background: #fff; }
div { padding: .7rem 1rem 1rem; } b { font-size: 1.05rem; }
</style>
<h1>Tollbook: notebooks</h1>
<p>Each answers one question from the published marts, and shows its SQL. Filters are in the address: a bookmark keeps
them. The pictures are of generated data.</p>
<ul>$ENTRIES</ul></html>
"""


def gallery(notebooks: Sequence[Path], token: str | None) -> str:
    """Return the page.

    Args:
        notebooks: Files, in the order shown.
        token: Token that each link carries; None for none.
    """
    query = f"?{urlencode({'access_token': token})}" if token else ""
    return _PAGE.replace("$ENTRIES", "".join(_entry(notebook, query) for notebook in notebooks))


def head_of(notebook: Path) -> tuple[str, str]:
    """Return title and question of a notebook, as its first cell shows them."""
    found = _HEAD.search(notebook.read_text(encoding="utf-8"))
    if found is None:
        return notebook.stem, ""
    return found[1], "".join(re.findall(r'"([^"]*)"', found[2]))


def _entry(notebook: Path, query: str) -> str:
    name = html.escape(notebook.stem)
    title, question = map(html.escape, head_of(notebook))
    picture = f'<img src="/pictures/{name}.webp" alt="" loading="lazy">'
    return f'<li><a href="/{name}/{query}">{picture}<div><b>{title}</b><p>{question}</p></div></a></li>'
