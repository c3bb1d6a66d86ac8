-- One row per month, workspace, currency and status of the reconciliation. Sums are those of the legs, each in the currency
-- it moved in, so that they add up to the sources whatever currencies an item mixes.

with items as (
    select * from {{ ref('recon_invoice_payments') }}
),

legs as (
    select * from {{ ref('int_reconciliation_legs') }}
),

currencies as (
    select * from {{ ref('stg_config__currencies') }}
),

placed as (
    select
        cast(date_trunc('month', coalesce(items.issued_at, items.payment_created_at)) as date) as period_month,
        coalesce(items.workspace_id, 'unattributed') as workspace_id,
        legs.currency,
        items.status,
        items.item_id,
        items.age_days,
        legs.side,
        legs.amount_minor
    from legs
    inner join items on legs.item_id = items.item_id
),

sums as (
    select
        period_month,
        workspace_id,
        currency,
        status,
        cast(count(distinct item_id) as bigint) as item_count,
        max(age_days) as oldest_age_days,
        cast(sum(case when side = 'invoice' then amount_minor else 0 end) as bigint) as invoiced_minor,
        cast(
            sum(
                case
                    when side = 'invoice' then amount_minor
                    when side in ('credit', 'settlement') then -amount_minor
                    else 0
                end
            ) as bigint
        ) as payable_minor,
        cast(sum(case when side = 'payment' then amount_minor else 0 end) as bigint) as received_minor,
        cast(sum(case when side = 'refund' then amount_minor else 0 end) as bigint) as refunded_minor,
        cast(sum(case when side = 'dispute' then amount_minor else 0 end) as bigint) as disputed_minor
    from placed
    group by period_month, workspace_id, currency, status
),

final as (
    select
        sums.period_month,
        sums.workspace_id,
        sums.currency,
        sums.status,
        sums.item_count,
        sums.oldest_age_days,
        sums.invoiced_minor,
        sums.payable_minor,
        sums.received_minor,
        sums.refunded_minor,
        sums.disputed_minor,
        {{ major_amount('sums.payable_minor', major_per_minor('currencies.exponent')) }} as payable_amount,
        {{ major_amount('sums.received_minor', major_per_minor('currencies.exponent')) }} as received_amount
    from sums
    left join currencies on sums.currency = currencies.currency
)

select * from final
