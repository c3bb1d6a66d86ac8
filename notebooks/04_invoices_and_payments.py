# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="full", app_title="Invoice and payment audit")

with app.setup:
    import marimo as mo

    from dagster_project.notebooks import filters, tables
    from dagster_project.notebooks.marts import open_marts
    from dagster_project.reports.next_steps import INVOICE_PAYMENTS

    ATTENTION = "Needs attention"
    SHOWN = (ATTENTION, "All items")


@app.cell(hide_code=True)
def _():
    tables.head(
        "Invoice and payment audit",
        "Is every invoice paid and every payment invoiced? Choose an item to follow it: invoice, PDF, payment intent,"
        " Stripe balance, credits delivered.",
        "recon_invoice_payments", "fct_invoices", "fct_payments", "recon_payment_settlements", "recon_credit_grants",
        "recon_invoice_arithmetic",
    )  # fmt: skip
    return


@app.cell(hide_code=True)
def _():
    marts = open_marts()
    return (marts,)


@app.cell(hide_code=True)
def _(marts):
    _options = marts.ask(f"""
        select
            list_sort(list(distinct {filters.named("workspace_id")})) as workspaces,
            list_sort(list(distinct status)) as statuses,
            list_sort(list(distinct strftime(coalesce(issued_at, payment_created_at), '%Y-%m'))) as months
        from recon_invoice_payments""").first()
    mo.stop(
        not _options["statuses"],
        tables.nothing(
            "No invoice and no payment is published.",
            "Land the gateway's `invoices`, or add the key of Stripe to `sources.yml` (`docs/operations.md`).",
        ),
    )
    shown = filters.choice("show", "Show", SHOWN)
    month = filters.choice("month", "Month", ["All", *reversed(_options["months"])])
    workspaces = filters.choices("workspace", "Workspace", _options["workspaces"])
    statuses = filters.choices("status", "Status", _options["statuses"])
    find = filters.text("find", "Invoice or payment", "inv_…, in_…, pi_…")
    mo.hstack([shown, month, workspaces, statuses, find], justify="start", wrap=True)
    return find, month, shown, statuses, workspaces


@app.cell(hide_code=True)
def _(find, marts, month, shown, statuses, workspaces):
    _settled = ", ".join(f"'{status}'" for status in sorted(INVOICE_PAYMENTS.settled))
    _terms = [
        filters.conditions({"workspace_id": workspaces.value, "status": statuses.value}),
        f"status not in ({_settled})" if shown.value == ATTENTION and not find.value else "true",
        "true"
        if month.value == "All"
        else f"strftime(coalesce(issued_at, payment_created_at), '%Y-%m') = '{month.value}'",
        filters.contains("concat_ws(' ', item_id, invoice_id, payment_intent_id)", find.value),
    ]
    items = marts.ask(f"""
        select
            status, workspace_id, invoice_id, payable_amount, received_amount, difference_amount, currency, age_days,
            coalesce(issued_at, payment_created_at) as dated_at, payment_intent_id, refunded_amount, disputed_amount,
            status_reason, match_methods, item_id
        from recon_invoice_payments
        where {" and ".join(term for term in _terms if term != "true") or "true"}
        order by age_days desc nulls last, item_id""").with_words(
        "what_to_do", "status", INVOICE_PAYMENTS.next_steps, "nothing", 7
    )
    counts = marts.ask("""
        select status, count(*) as items, count(distinct workspace_id) as workspaces, max(age_days) as oldest_days
        from recon_invoice_payments group by status order by items desc, status
        """).with_words("what_to_do", "status", INVOICE_PAYMENTS.next_steps, "nothing", 2)
    return counts, items


@app.cell(hide_code=True)
def _(counts, items):
    _all = dict(counts.rows.select("status", "items").iter_rows())
    _open = sum(number for status, number in _all.items() if status not in INVOICE_PAYMENTS.settled)
    _matched = sum(number for status, number in _all.items() if status.startswith("matched"))
    table = tables.table(items, selection="single", first_selected=True, hidden=["item_id"])
    mo.vstack([
        tables.figures(
            ("Items", tables.count(sum(_all.values())), "invoices with their payments, or payments without an invoice"),
            ("Matched", tables.count(_matched), "paid as invoiced"),
            ("Need attention", tables.count(_open), "all months"),
            ("Settled otherwise", tables.count(sum(_all.values()) - _open - _matched), "refunded, free, in flight, void"),
        ),
        tables.with_sql(table, items) if items else tables.nothing("No item matches.", "Choose all items, or [reset](?)."),
        mo.accordion({"All statuses": tables.with_sql(tables.table(counts, page_size=30), counts)}),
    ])  # fmt: skip
    return (table,)


@app.cell(hide_code=True)
def _(items, marts, table):
    _item = tables.picked(table, items)
    mo.stop(_item is None, tables.nothing("No item is chosen.", "Choose one above to see its papers."))
    _of_item = filters.conditions({"item_id": [_item["item_id"]]})
    _invoices = f"(select invoice_id from fct_invoices where {_of_item})"
    invoices = marts.ask(f"""
        select
            invoice_id, total_amount, currency, pdf_url, receipt_url, invoice_status, credit_pack, stripe_invoice_id,
            payment_intent_id, net_amount, vat_amount, vat_treatment, credits_promised, invoice_kind, issued_at,
            raw_file, raw_line
        from fct_invoices where {_of_item}""")
    arithmetic = marts.ask(f"""
        select document_id, document_kind, status, reasons, total_amount, currency
        from recon_invoice_arithmetic where invoice_id in {_invoices}""")
    payments = marts.ask(f"""
        select
            payment_intent_id, payment_status, received_amount, refunded_amount, disputed_amount, net_amount, currency,
            created_at, metadata_workspace_id, metadata_invoice_id, match_methods, is_livemode, customer_id
        from fct_payments where {_of_item} order by created_at""")
    settlements = marts.ask(f"""
        select
            object_kind, object_id, status, amount, currency, exchange_rate, gross_minor, fee_minor, settled_net_minor,
            settled_currency, available_at
        from recon_payment_settlements where {_of_item} order by created_at""")
    credits = marts.ask(f"""
        select
            invoice_id, status, cast(promised_micro as decimal(38, 0)) * 0.000001 as promised,
            cast(delivered_micro as decimal(38, 0)) * 0.000001 as delivered,
            cast(difference_micro as decimal(38, 0)) * 0.000001 as difference, unit, credit_pack, grant_id
        from recon_credit_grants where invoice_id in {_invoices}""")
    return arithmetic, credits, invoices, payments, settlements


@app.cell(hide_code=True)
def _(arithmetic, credits, invoices, payments, settlements):
    _papers = {
        "1. Invoice, with its PDF and receipt": (
            invoices,
            "The books have no invoice: the payment came without one.",
        ),
        "2. Does the document add up?": (arithmetic, "There is no document to add up."),
        "3. Payments in Stripe": (payments, "Stripe has no payment for it."),
        "4. Movements of the Stripe balance": (settlements, "The balance did not move."),
        "5. Credits promised and delivered": (credits, "The invoice promises no credits."),
    }
    mo.vstack([
        part
        for title, (answer, without) in _papers.items()
        for part in (
            mo.md(f"**{title}**"),
            tables.table(answer) if answer else tables.nothing(without, ""),
        )
    ] + [tables.shown_sql(invoices, arithmetic, payments, settlements, credits)])  # fmt: skip
    return


if __name__ == "__main__":
    app.run()
