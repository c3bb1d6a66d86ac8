"""Data Docs: the kept results as pages that open from a folder, without any outside request.

    exports/data_docs/index.html          suites, and every day with what failed
                      suites/<suite>.html  what each expectation means, what it blocks, where it failed last
                      days/<day>.html      every result of a day, failing rows first

A page whose content did not change is not written again.

Rulings: docs/decisions/quality.md#quality-6.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from dagster_project.quality import results
from dagster_project.quality.results import Result
from dagster_project.quality.suites import Suite
from dagster_project.quality.suites.raw_day import RAW_DAY
from dagster_project.quality.suites.reconciliation_summary import RECONCILIATION_SUMMARY
from dagster_project.quality.suites.usage_rollup import USAGE_ROLLUP
from ingestion.files import whole
from ingestion.home import Home

SUITES = (RAW_DAY, USAGE_ROLLUP, RECONCILIATION_SUMMARY)
_KINDS = {"failed": "failed", "warned": "warned", "passed": "passed", "not_comparable": "not comparable"}
#: Failures listed on the page of a suite.
LISTED = 50

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #1c2430 }
table { border-collapse: collapse; margin: 1rem 0; width: 100% }
th, td { border-bottom: 1px solid #dde2e8; padding: .35rem .6rem; text-align: left; vertical-align: top }
th { background: #f4f6f8 }
.passed { color: #1b7a3d } .warned { color: #9a6700 } .failed { color: #b42318; font-weight: 600 }
.not_comparable { color: #5c6773 } td.day { white-space: nowrap } tr.rows > td { padding-left: 2rem }
nav { margin-bottom: 1rem } table table { margin: .2rem 0; font-size: 13px; width: auto }
"""


def write(home: Home) -> Path:
    """Write every page that is missing or whose results changed, and remove pages of days without results."""
    found = results.read_all(home)
    days = {day: list(of_day) for day, of_day in groupby(found, key=lambda result: result.day)}
    pages = {f"days/{day}.html": (of_day, _day_page) for day, of_day in days.items()}
    for suite in SUITES:
        of_suite = [result for result in found if result.suite == suite.name]
        pages[f"suites/{suite.name}.html"] = (of_suite, _suite_page(suite))
    pages["index.html"] = (found, _index)
    for name, (of_page, render) in pages.items():
        _write(home.data_docs / name, of_page, render)
    for path in (home.data_docs / "days").glob("*.html"):
        if f"days/{path.name}" not in pages:
            path.unlink()
    return home.data_docs / "index.html"


def _write(path: Path, of_page: Sequence[Result], render: Any) -> None:
    """Write a page unless it is there and was made of these results by this code."""
    made_of = f"<!-- {_CODE} {hashlib.sha256(repr(of_page).encode()).hexdigest()[:16]} -->"
    try:
        with path.open(encoding="utf-8") as page:
            if page.readline().strip().endswith(made_of):
                return
    except FileNotFoundError:
        pass
    with whole(path) as temporary:
        temporary.write_text(f"<!doctype html>{made_of}\n{render(of_page)}", encoding="utf-8")


def _index(found: Sequence[Result]) -> str:
    suites = [
        [
            _link(f"suites/{suite.name}.html", suite.name),
            _text(suite.version),
            _text(suite.subject),
            _text(suite.holds_back),
            _counts(result for result in found if result.suite == suite.name),
        ]
        for suite in SUITES
    ]
    days = []
    for day, grouped in groupby(reversed(found), key=lambda result: result.day):
        of_day = list(grouped)
        by_suite = [[result for result in of_day if result.suite == suite.name] for suite in SUITES]
        days.append([_link(f"days/{day}.html", day), *(_counts(of_suite) for of_suite in by_suite)])
    body = [
        "<p>Results of Great Expectations by day, the latest first; also in the mart <code>dq_results</code>.</p>",
        "<h2>Suites</h2>",
        _table(("suite", "version", "judges", "a failure holds back", "results"), suites),
        "<h2>Days</h2>",
        _table(("day", *(suite.name for suite in SUITES)), days)
        if days
        else "<p>Nothing was judged yet.</p>",
    ]
    return _page("Data Docs", body)


def _suite_page(suite: Suite) -> Any:
    def render(found: Sequence[Result]) -> str:
        expectations = [
            [
                f'<a id="{expectation.name}"></a>{_text(expectation.name)}',
                _text(expectation.meaning),
                _text(_limits(suite, expectation)),
                _text(f"holds back {suite.holds_back}" if expectation.is_blocking else "warns"),
                _counts(result for result in found if result.expectation == expectation.name),
            ]
            for expectation in suite.expectations
        ]
        failed = [result for result in reversed(found) if not result.passed][:LISTED]
        body = [
            f"<p>Version {suite.version}. It judges {_text(suite.subject)}.</p>",
            _table(("expectation", "meaning", "limits", "if it fails", "results"), expectations),
            "<h2>Failed last</h2>",
            _results(failed, "../") if failed else "<p>None.</p>",
        ]
        return _page(suite.name, body, "../")

    return render


def _day_page(of_day: Sequence[Result]) -> str:
    ordered = sorted(of_day, key=lambda result: (result.passed, not result.is_blocking))
    return _page(of_day[0].day, [f"<p>{_counts(of_day)}</p>", _results(ordered, "../")], "../")


def _results(shown: Iterable[Result], root: str) -> str:
    heads = ("day", "suite", "source", "stream", "expectation", "expected", "observed", "result")
    body = []
    for result in shown:
        cells = [
            _link(f"{root}suites/{result.suite}.html", f"{result.suite} {result.suite_version}"),
            _text(result.source or ""),
            _text(result.stream or ""),
            _link(f"{root}suites/{result.suite}.html#{result.expectation}", result.expectation),
            _text(result.expected),
            _text("" if result.observed is None else f"{result.observed:,.6g}"),
            _verdict(result),
        ]
        day = f'<td class="day">{_link(f"{root}days/{result.day}.html", result.day)}</td>'
        body.append(f"<tr>{day}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
        if result.rows:
            body.append(f'<tr class="rows"><td colspan="{len(heads)}">{_rows(result.rows)}</td></tr>')
    head = "".join(f"<th>{_text(name)}</th>" for name in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _rows(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the first failing rows as a table in the table."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return _table(columns, [[_text(row.get(name, "")) for name in columns] for row in rows])


def _counts(found: Iterable[Result]) -> str:
    """Return how many results failed, warned and passed."""
    counts = dict.fromkeys(_KINDS, 0)
    for result in found:
        counts[_kind(result)] += 1
    shown = [
        f'<span class="{kind}">{count:,} {_KINDS[kind]}</span>' for kind, count in counts.items() if count
    ]
    return ", ".join(shown)


def _kind(result: Result) -> str:
    if result.passed:
        return "not_comparable" if result.observed is None else "passed"
    return "failed" if result.is_blocking else "warned"


def _verdict(result: Result) -> str:
    kind = _kind(result)
    return f'<span class="{kind}">{"failed, held back" if kind == "failed" else _KINDS[kind]}</span>'


def _limits(suite: Suite, expectation: Any) -> str:
    if expectation.setting:
        return f"at most {expectation.setting} of the source"
    return expectation.demand({}).removeprefix("must be ")


def _page(title: str, body: Sequence[str], root: str = "") -> str:
    home = "" if not root else f"<nav>{_link(f'{root}index.html', 'Data Docs')}</nav>"
    return (
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<link rel="icon" href="data:,"><title>{_text(title)}</title><style>{_STYLE}</style></head>'
        f"<body>{home}<h1>{_text(title)}</h1>{''.join(body)}</body></html>\n"
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{_text(name)}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _link(address: str, text: str) -> str:
    return f'<a href="{escape(address)}">{_text(text)}</a>'


def _text(value: object) -> str:
    return escape(str(value))


_CODE = hashlib.sha256(Path(__file__).read_bytes() + repr(SUITES).encode()).hexdigest()[:8]
