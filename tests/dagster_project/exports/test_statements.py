"""Statements over a sandbox night: they add up to the marts, and both renderings say the same.

Rulings: docs/decisions/exports.md#exports-4.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from dagster_project.books.published import published
from dagster_project.cli import app
from dagster_project.exports.statements import content
from dagster_project.exports.statements.content import Statement, Tiers, statement, workspaces
from dagster_project.exports.statements.document import document
from dagster_project.exports.statements.page import page
from dagster_project.exports.statements.pdf import pdf
from dagster_project.exports.statements.writing import file_name

AUGUST = date(2026, 8, 1)
TIERS = (
    "list_cost",
    "discount_savings",
    "discounted_cost",
    "cache_savings",
    "cache_optimized_cost",
    "reported_cost",
)


@pytest.fixture(scope="module")
def marts(finished_night) -> Iterator[duckdb.DuckDBPyConnection]:
    with published(finished_night.home) as connection:
        yield connection


@pytest.fixture(scope="module")
def statements(marts: duckdb.DuckDBPyConnection) -> list[Statement]:
    return [statement(marts, workspace, AUGUST) for workspace in workspaces(marts, AUGUST)]


def one(marts: duckdb.DuckDBPyConnection, sql: str) -> tuple:
    [row] = marts.sql(sql).fetchall()
    return row


def test_the_statements_of_a_month_add_up_to_the_requests(
    marts: duckdb.DuckDBPyConnection, statements: list[Statement]
) -> None:
    """Σ list, discount savings, discounted, cache savings, cache-optimized and reported over all workspaces = Σ over
    the requests of August in fct_usage_costs (no source of this world bills in another zone), to the last digit.
    """
    columns = ", ".join(f"sum({tier}_usd)" for tier in TIERS)
    requests, unpriced, *amounts = one(
        marts,
        f"select count(*), count(*) filter (where list_cost_usd is null), {columns} from fct_usage_costs"
        " where event_date between '2026-08-01' and '2026-08-31'",
    )
    usage = [made.usage for made in statements]
    assert sum(row.requests for row in usage) == requests
    assert sum(row.unpriced_requests for row in usage) == unpriced
    for tier, amount in zip(TIERS, amounts, strict=True):
        assert sum(value for row in usage if (value := getattr(row, tier)) is not None) == amount


def test_every_table_of_a_statement_adds_up_to_its_total(statements: list[Statement]) -> None:
    for made in statements:
        for rows in (made.by_model, made.by_key):
            assert replace(content.total(rows), name="") == replace(made.usage, name="")


def test_list_less_both_savings_is_what_remains(statements: list[Statement]) -> None:
    """List − discount savings = discounted; discounted − cache savings = cache-optimized, in every line."""
    lines = [row for made in statements for row in (*made.by_source, *made.by_model, *made.by_key)]
    priced = [row for row in lines if row.list_cost is not None]
    assert len(priced) > 10
    for row in priced:
        assert row.list_cost - row.discount_savings == row.discounted_cost
        assert row.discounted_cost - row.cache_savings == row.cache_optimized_cost


def test_invoices_and_payments_add_up_to_the_marts(
    marts: duckdb.DuckDBPyConnection, statements: list[Statement]
) -> None:
    """Per currency: Σ net, VAT, total, payable of the invoices issued in August; Σ received, refunded, disputed, net of
    the payments created in it. Every invoice and every payment is in exactly one statement.
    """
    invoices: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 4)
    payments: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 4)
    for made in statements:
        for row in made.invoices:
            amounts = (row.net, row.vat, row.total, row.payable)
            invoices[row.currency] = [a + b for a, b in zip(invoices[row.currency], amounts, strict=True)]
        for row in made.payments:
            amounts = (row.received, row.refunded, row.disputed, row.net)
            payments[row.currency] = [a + b for a, b in zip(payments[row.currency], amounts, strict=True)]
    assert invoices == {
        currency: sums
        for currency, *sums in marts.sql(
            "select currency, sum(net_amount), sum(vat_amount), sum(total_amount), sum(payable_amount)"
            " from fct_invoices where vat_date between '2026-08-01' and '2026-08-31'"
            " and invoice_status not in ('draft', 'void') group by currency"
        ).fetchall()
    }
    assert payments == {
        currency: sums
        for currency, *sums in marts.sql(
            "select currency, sum(received_amount), sum(refunded_amount), sum(disputed_amount), sum(net_amount)"
            " from fct_payments where created_at >= '2026-08-01' and created_at < '2026-09-01' group by currency"
        ).fetchall()
    }
    listed = [row.invoice_id for made in statements for row in made.invoices]
    assert len(listed) == len(set(listed)) > 0


def test_the_printed_lines_of_a_table_add_up_to_its_printed_total(statements: list[Statement]) -> None:
    """No figure is rounded: the text of every column of numbers adds up to the text below it."""
    for made in statements:
        for table in document(made).tables:
            if len(table.totals) != 1:
                continue
            for place in range(table.texts, len(table.header)):
                printed = [row[place].replace(",", "") for row in table.rows if row[place] != "–"]
                below = table.totals[0][place].replace(",", "")
                if table.title != "Charged by the gateways" and below != "–":
                    assert sum(map(Decimal, printed)) == Decimal(below), (made.workspace, table.title)


@pytest.mark.parametrize(
    "workspace", ["<script>alert(1)</script>", "#let x = 1; $ a $ *b* [c] \\ `d`", "Łódź 北京\x1b[31m"]
)
def test_a_name_is_text_in_both_renderings(workspace: str) -> None:
    tiers = Tiers(workspace, 1, 0, *[Decimal("1.5")] * 2, *[Decimal(0)] * 4)
    made = Statement(
        workspace, AUGUST, [tiers], [tiers], [tiers], [], [], "p1", datetime(2026, 9, 2), date(2026, 9, 1)
    )
    text = document(made)
    assert "<script>" not in page(text)
    assert "\x1b" not in page(text)
    assert pdf(text, made.published_at).startswith(b"%PDF-")


def test_the_same_publication_gives_the_same_bytes(statements: list[Statement]) -> None:
    made = max(statements, key=lambda one: len(one.invoices))
    text = document(made)
    assert pdf(text, made.published_at) == pdf(text, made.published_at)


def test_a_page_asks_nothing_of_the_network(statements: list[Statement]) -> None:
    for made in statements:
        assert not re.search(r"(?:src|href|url)\s*[=(]|<script|@import", page(document(made)))


def test_many_keys_become_one_line_and_still_add_up(
    marts: duckdb.DuckDBPyConnection, statements: list[Statement], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = max(statements, key=lambda one: len(one.by_key))
    monkeypatch.setattr(content, "LISTED", 1)
    short = statement(marts, made.workspace, AUGUST)
    assert short.by_key[-1].name == f"{len(made.by_key) - 1} other keys"
    assert content.total(short.by_key) == content.total(made.by_key)


def test_a_month_without_later_usage_says_that_it_may_grow(statements: list[Statement]) -> None:
    """The world ends on 6 August."""
    assert not statements[0].is_over
    assert "The month is not over: usage up to 2026-08-06 is included." in document(statements[0]).notes


def test_the_command_writes_both_files_and_a_manifest_with_their_hashes(
    finished_night, tmp_path: Path
) -> None:
    arguments = [
        "statement",
        "--month",
        "2026-08",
        "--home",
        str(finished_night.home.root),
        "--out",
        str(tmp_path),
    ]
    ended = CliRunner().invoke(app, [*arguments, "--workspace", "ws_01"])
    assert ended.exit_code == 0, ended.output
    manifest = json.loads((tmp_path / "ws_01.manifest.json").read_text())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "ws_01.html",
        "ws_01.manifest.json",
        "ws_01.pdf",
    ]
    for name, digest in manifest["sha256"].items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
    assert (tmp_path / "ws_01.pdf").read_bytes().startswith(b"%PDF-")


def test_what_there_is_no_statement_of_is_said(finished_night, tmp_path: Path) -> None:
    home = ["--home", str(finished_night.home.root), "--out", str(tmp_path / "out")]
    ended = CliRunner().invoke(app, ["statement", "--month", "2026-01", *home])
    assert (ended.exit_code, "no usage, invoice or payment in 2026-01" in ended.output) == (3, True)
    ended = CliRunner().invoke(app, ["statement", "--month", "2026-08", "--workspace", "ws_99", *home])
    assert (ended.exit_code, "--workspace ws_99 has nothing in 2026-08; there are" in ended.output) == (
        2,
        True,
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("workspace", "name"),
    [
        ("ws_01", "ws_01"),
        ("../etc", "%2E.%2Fetc"),
        ("a/b c", "a%2Fb c"),
        ("é", "%C3%A9"),
        (".hidden", "%2Ehidden"),
    ],
)
def test_a_workspace_becomes_a_plain_name_of_a_file(workspace: str, name: str) -> None:
    assert file_name(workspace) == name
    assert len(file_name(workspace * 200)) < 140
