{#- Rulings: docs/decisions/closing.md#closing-3, docs/decisions/credits.md#credits-4 -#}
{%- set kinds = ['grant', 'burn', 'expire', 'overage', 'adjust'] -%}
{%- set closed_files = closed_credit_files() -%}
{%- set columns = [
    'entry_id', 'source', 'workspace_id', 'grant_id', 'grant_kind', 'entry_kind', 'caused_by', 'entered_at', 'event_date',
    'unit', 'amount_micro', 'value_policy', 'value_currency', 'value_amount', 'value_usd', 'invoice_id', 'usage_date',
    'raw_file', 'raw_line',
] -%}
{%- set largest = {'amount': 100000000000000000, 'price': 100000000000000000000} -%}

-- One row per entry of the credit ledger, named, dated and valued.
-- A lot's own price is shared out over what it was used for by the difference of two running shares, so that the parts
-- of a lot sum to its price. Every other value is rounded once, half away from zero, at 12 decimals.
-- Closed months keep their entries. Today's result less the closed one is one correction per lot (and one per wallet
-- for overage) at the first open instant.

with entries as (
    select * from {{ ref('int_credit_entries') }}
),

movements as (
    select * from {{ ref('int_credit_movements') }}
),

month_prices as (
    select * from {{ ref('int_credit_month_prices') }}
),

settings as (
    select * from {{ ref('stg_config__credit_settings') }}
),

sources as (
    {{ source_settings(['usd_per_credit']) }}
),

units as (
    select * from {{ ref('stg_new_api__units') }}
),

named as (
    select
        entries.kind_no,
        entries.amount_micro,
        entries.at_us,
        entries.draw_no,
        coalesce(lots.movement_no, draws.movement_no) as movement_no,
        coalesce(lots.source, draws.source) as source,
        coalesce(lots.wallet_id, draws.wallet_id) as workspace_id,
        coalesce(lots.unit, draws.unit) as unit,
        {{ us_to_timestamp('entries.at_us') }} as entered_at,
        lots.movement_id as grant_id,
        lots.movement_kind as grant_kind,
        draws.movement_id as draw_id,
        coalesce(draws.movement_kind, lots.movement_kind) as movement_kind,
        lots.amount_micro as lot_micro,
        lots.price_pico as lot_price_pico,
        lots.price_usd_pico as lot_price_usd_pico,
        coalesce(lots.currency, case when lots.price_pico = 0 then 'usd' end) as lot_currency,
        lots.invoice_id,
        coalesce(draws.raw_file, lots.raw_file) as raw_file,
        case when draws.raw_file is null then lots.raw_line else draws.raw_line end as raw_line
    from entries
    left join movements as lots on entries.lot_no = lots.movement_no
    left join movements as draws on entries.draw_no = draws.movement_no
),

with_policy as (
    select
        named.*,
        cast(named.entered_at as date) as event_date,
        coalesce(
            settings.value_policy,
            case when sources.usd_per_credit is not null or named.unit = 'quota' then 'fixed' else 'average' end
        ) as value_policy,
        cast(coalesce(settings.usd_per_credit, sources.usd_per_credit) * 1000000000000 as decimal(38, 0)) as credit_pico,
        cast(
            case
                when named.lot_micro is not null and named.amount_micro < 0
                    then -sum(case when named.amount_micro < 0 then named.amount_micro else 0 end) over (
                        partition by named.grant_id
                        order by named.at_us, named.kind_no, named.draw_no
                        rows between unbounded preceding and current row
                    )
            end as decimal(38, 0)
        ) as used_micro
    from named
    left join settings on named.source = settings.source
    left join sources on named.source = sources.source
),

-- The value of micro-credits as a ratio: money in 1e-12 units, per number of micro-credits.
with_ratio as (
    select
        with_policy.*,
        {%- for currency in ['', 'usd_'] %}
        cast(
            case with_policy.value_policy
                when 'fixed' then coalesce(with_policy.credit_pico, case when units.source is not null then 1000000000000 end)
                when 'average' then {{ 'month_prices.month_price_' ~ currency ~ 'pico' }}
                when 'fifo' then {{ 'with_policy.lot_price_' ~ currency ~ 'pico' }}
            end as decimal(38, 0)
        ) as money_{{ currency }}pico,
        {%- endfor %}
        cast(
            case with_policy.value_policy
                when 'fixed'
                    then case when with_policy.credit_pico is not null then 1000000 else units.quota_per_unit * 1000000 end
                when 'average' then month_prices.month_micro
                when 'fifo' then with_policy.lot_micro
            end as decimal(38, 0)
        ) as money_micro,
        case with_policy.value_policy
            when 'fixed' then 'usd'
            when 'average' then month_prices.currency
            when 'fifo' then with_policy.lot_currency
        end as value_currency
    from with_policy
    left join month_prices
        on
            with_policy.source = month_prices.source
            and with_policy.workspace_id = month_prices.wallet_id
            and with_policy.event_date >= month_prices.month_start
            and with_policy.event_date < month_prices.next_month_start
    left join units
        on
            with_policy.source = units.source
            and with_policy.event_date >= units.valid_from
            and with_policy.event_date < units.valid_to
),

valued as (
    select
        *,
        {%- for currency in ['', 'usd_'] %}
        case
            when money_{{ currency }}pico > {{ largest.price }} or money_micro > {{ largest.amount }} or money_micro <= 0 then null
            when abs(amount_micro) > {{ largest.amount }} then null
            when value_policy = 'fifo' and used_micro is not null
                then
                    {{ rounded_share('used_micro + amount_micro', 'money_' ~ currency ~ 'pico', 'money_micro') }}
                    - {{ rounded_share('used_micro', 'money_' ~ currency ~ 'pico', 'money_micro') }}
            else sign(amount_micro) * {{ rounded_share('abs(amount_micro)', 'money_' ~ currency ~ 'pico', 'money_micro') }}
        end as value_{{ currency }}pico{{ ',' if not loop.last }}
        {%- endfor %}
    from with_ratio
),

posted as (
    select
        ---------- ids
        md5(concat_ws('|', kind_no, at_us, coalesce(grant_id, ''), coalesce(draw_id, ''))) as entry_id,
        source,
        workspace_id,
        grant_id,
        grant_kind,

        ---------- what happened
        case kind_no {% for kind in kinds %}when {{ loop.index0 }} then '{{ kind }}' {% endfor %}end as entry_kind,
        movement_kind as caused_by,
        entered_at,
        event_date,

        ---------- how much
        unit,
        amount_micro,

        ---------- what it is worth
        value_policy,
        case when value_pico is not null then value_currency end as value_currency,
        {{ pico_to_decimal('value_pico') }} as value_amount,
        {{ pico_to_decimal('value_usd_pico') }} as value_usd,

        ---------- lineage
        invoice_id,
        case when movement_kind in ('usage', 'refund') then event_date end as usage_date,
        raw_file,
        raw_line
    from valued
)
{%- if closed_files %},

booked as (
    select {{ columns | join(', ') }}
    from read_parquet({{ sql_list(closed_files) }}, union_by_name = true)
),

closing as (
    select cast(date '{{ closed_files[-1].split("/")[-1][:7] }}-01' + interval 1 month as date) as open_from
),

open_entries as (
    select posted.*
    from posted
    cross join closing
    where posted.event_date >= closing.open_from
),

both_sides as (
    select
        posted.*,
        posted.amount_micro as difference_micro,
        posted.value_amount as difference_value,
        posted.value_usd as difference_usd
    from posted
    cross join closing
    where posted.event_date < closing.open_from
    union all
    select
        *,
        -amount_micro as difference_micro,
        -value_amount as difference_value,
        -value_usd as difference_usd
    from booked
),

differences as (
    select
        source,
        workspace_id,
        grant_id,
        unit,
        max(grant_kind) as grant_kind,
        max(value_policy) as value_policy,
        max(value_currency) as value_currency,
        max(invoice_id) as invoice_id,
        max(raw_file) as raw_file,
        max(raw_line) as raw_line,
        cast(sum(difference_micro) as bigint) as amount_micro,
        -- Amounts of two currencies, and unknown amounts, have no difference.
        case
            when count(distinct value_currency) = 1 and count(difference_value) = count(*)
                then cast(sum(difference_value) as decimal(38, 12))
        end as value_amount,
        case when count(difference_usd) = count(*) then cast(sum(difference_usd) as decimal(38, 12)) end as value_usd
    from both_sides
    group by source, workspace_id, grant_id, unit
    having sum(difference_micro) <> 0
),

corrections as (
    select
        md5(concat_ws(
            '|', 'closed', closing.open_from, differences.source, differences.workspace_id, coalesce(differences.grant_id, '')
        )) as entry_id,
        differences.source,
        differences.workspace_id,
        differences.grant_id,
        differences.grant_kind,
        case when differences.grant_id is null then 'overage' else 'adjust' end as entry_kind,
        'closed_month' as caused_by,
        cast(closing.open_from as timestamp) as entered_at,
        closing.open_from as event_date,
        differences.unit,
        differences.amount_micro,
        differences.value_policy,
        case when differences.value_amount is not null then differences.value_currency end as value_currency,
        differences.value_amount,
        differences.value_usd,
        differences.invoice_id,
        cast(null as date) as usage_date,
        differences.raw_file,
        differences.raw_line
    from differences
    cross join closing
),

final as (
    select * from booked
    union all
    select * from corrections
    union all
    select {{ columns | join(', ') }} from open_entries
)
{%- else %},

final as (
    select {{ columns | join(', ') }} from posted
)
{%- endif %}

select * from final
