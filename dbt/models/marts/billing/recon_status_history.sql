{#- Rulings: docs/decisions/invoices-and-payments.md#invoices-5 -#}
{{ config(post_hook = "{{ record_statuses(this, ref('int_billing_settings')) }}") }}

-- One row per reconciliation item and period in a status, with its first and last day.

with items as (
    select * from {{ ref('recon_invoice_payments') }}
),

settings as (
    select * from {{ ref('int_billing_settings') }}
),

recorded as (
    select
        statuses.item_id,
        statuses.status,
        statuses.run_date
    from {{ recorded_statuses() }} as statuses
    cross join settings
    where statuses.run_date < settings.watermark_date
),

ranked as (
    select
        recorded.*,
        row_number() over (partition by item_id order by run_date desc) as run_rank
    from recorded
),

last_recorded as (
    select * from ranked
    where run_rank = 1
),

changed_today as (
    select
        coalesce(items.item_id, last_recorded.item_id) as item_id,
        items.status,
        settings.watermark_date as run_date
    from items
    full outer join last_recorded on items.item_id = last_recorded.item_id
    cross join settings
    where items.status is distinct from last_recorded.status
),

changes as (
    select
        item_id,
        status,
        run_date
    from recorded
    union all
    select
        item_id,
        status,
        run_date
    from changed_today
),

spans as (
    select
        item_id,
        status,
        run_date as first_seen_on,
        lead(run_date) over (partition by item_id order by run_date) as replaced_on
    from changes
),

final as (
    select
        spans.item_id,
        spans.status,
        spans.first_seen_on,
        spans.replaced_on,
        spans.replaced_on is null as is_current,
        cast(
            {{ dbt.datediff('spans.first_seen_on', 'coalesce(spans.replaced_on, settings.watermark_date)', 'day') }} as bigint
        ) as days_in_status
    from spans
    cross join settings
    where spans.status is not null
)

select * from final
