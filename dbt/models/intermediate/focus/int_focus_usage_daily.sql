{#- Rulings: docs/decisions/reports.md#reports-7, docs/decisions/days.md#days-5 -#}
{{ config(materialized = 'daily', upstream = ['fct_usage_costs']) }}

{#- Metered: the token classes and the searches; a call fee has no meter, because it has no quantity. -#}
{%- set meters = [] %}
{%- for class in token_classes() -%}
    {%- do meters.append((class.meter, class.tokens, class['class'] ~ '_usd_per_mtok')) -%}
{%- endfor %}
{%- do meters.append(('Web Searches', 'web_searches', 'web_searches_usd_per_mtok')) %}
{%- set subject = [
    'event_date', 'source', 'workspace_id', 'api_key_id', 'group_name', 'provider', 'model_served', 'call_type',
    'priced_model', 'price_source', 'price_version', 'service_tier', 'billing_mode', 'discount_rule_id',
    'discount_factor',
] %}

with usage_costs as (
    select
        *,
        event_type in ('refund', 'adjustment') as is_correction
    from {{ ref('fct_usage_costs') }}
    where cache_optimized_cost_usd is not null
),

-- Requests with the same subject and the same unit prices: their tokens may be added before they are priced.
charges as (
    select
        {{ subject | join(', ') }},
        is_correction,
        {% for _, _, price in meters -%}
            {{ price }},
        {% endfor -%}
        max(api_key_name) as api_key_name,
        cast(sum({{ counted_requests() }}) as bigint) as requests,
        {% for _, tokens, _ in meters -%}
            cast(coalesce(sum({{ tokens }}), 0) as bigint) as {{ tokens }},
        {% endfor -%}
        cast(sum(cache_list_cost_usd) as decimal(38, 12)) as list_cost_usd,
        cast(sum(cache_optimized_cost_usd) as decimal(38, 12)) as contracted_cost_usd,
        cast(sum(list_cost_usd) as decimal(38, 12)) as uncached_list_cost_usd,
        cast(sum(cache_savings_usd) as decimal(38, 12)) as cache_savings_usd,
        cast(sum(credits_used) as bigint) as credits_used,
        cast(sum(reported_cost_usd) as decimal(38, 12)) as reported_cost_usd,
        -- Id of the group of requests; the meters of one group share the unexplained rest.
        md5(concat_ws(
            '|'
            {%- for column in subject %}, coalesce(cast({{ column }} as varchar), '~'){% endfor %}, is_correction
            {%- for _, _, price in meters %}, coalesce(cast({{ price }} as varchar), '~'){% endfor %}
        )) as charge_id
    from usage_costs
    group by
        {{ subject | join(', ') }}, is_correction
        {%- for _, _, price in meters %}, {{ price }}{% endfor %}
),

by_meter as (
    {% for meter, tokens, price in meters -%}
        select
            charge_id,
            {{ loop.index }} as meter_rank,
            '{{ meter }}' as sku_meter,
            {{ tokens }} as tokens,
            {{ price }} as list_usd_per_mtok,
            cast({{ tokens }} as hugeint)
            * cast(replace(cast({{ price }} as varchar), '.', '') as hugeint) as list_yoctousd,
            cast(discount_factor * cast(1000000 as decimal(7, 0)) as bigint) as factor_ppm
        from charges
        where {{ tokens }} > 0 and {{ price }} is not null and not is_correction and billing_mode not in ('per_call', 'free')
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

meter_costs as (
    select
        charge_id,
        meter_rank,
        sku_meter,
        tokens,
        list_usd_per_mtok,
        cast(cast((list_yoctousd + 500000000000) // 1000000000000 as decimal(38, 0)) * cast(0.000000000001 as decimal(12, 12)) as decimal(38, 12))
            as list_cost_usd,
        cast(
            cast((list_yoctousd * factor_ppm + 500000000000000000) // 1000000000000000000 as decimal(38, 0))
            * cast(0.000000000001 as decimal(12, 12)) as decimal(38, 12)
        ) as contracted_cost_usd
    from by_meter
),

-- Every request was rounded once, every meter is: the meters miss the requests' sum by picodollars, which the most
-- expensive meter takes. A larger rest is a price without a token meter (a fixed price, a call fee): a separate charge.
meter_sums as (
    select
        charge_id,
        sum(list_cost_usd) as list_cost_usd,
        sum(contracted_cost_usd) as contracted_cost_usd,
        count(*) as meter_count
    from meter_costs
    group by charge_id
),

remainders as (
    select
        charges.charge_id,
        charges.list_cost_usd - coalesce(meter_sums.list_cost_usd, 0) as list_cost_usd,
        charges.contracted_cost_usd - coalesce(meter_sums.contracted_cost_usd, 0) as contracted_cost_usd,
        meter_sums.charge_id is not null
        and greatest(
            abs(charges.list_cost_usd - meter_sums.list_cost_usd),
            abs(charges.contracted_cost_usd - meter_sums.contracted_cost_usd)
        ) <= (charges.requests + meter_sums.meter_count) * cast(0.000000000001 as decimal(12, 12)) as is_rounding
    from charges
    left join meter_sums on charges.charge_id = meter_sums.charge_id
),

ranked_meters as (
    select
        *,
        row_number() over (partition by charge_id order by contracted_cost_usd desc, meter_rank) as cost_rank
    from meter_costs
),

rows_of_meters as (
    select
        ranked_meters.charge_id,
        ranked_meters.sku_meter,
        ranked_meters.tokens,
        ranked_meters.list_usd_per_mtok,
        ranked_meters.list_cost_usd
        + case when ranked_meters.cost_rank = 1 and remainders.is_rounding then remainders.list_cost_usd else 0 end
            as list_cost_usd,
        ranked_meters.contracted_cost_usd
        + case when ranked_meters.cost_rank = 1 and remainders.is_rounding then remainders.contracted_cost_usd else 0 end
            as contracted_cost_usd,
        ranked_meters.cost_rank = 1 as is_first_meter
    from ranked_meters
    inner join remainders on ranked_meters.charge_id = remainders.charge_id
),

rows_without_meter as (
    select
        remainders.charge_id,
        cast(null as varchar) as sku_meter,
        cast(null as bigint) as tokens,
        cast(null as decimal(24, 18)) as list_usd_per_mtok,
        remainders.list_cost_usd,
        remainders.contracted_cost_usd,
        meter_sums.charge_id is null as is_first_meter
    from remainders
    left join meter_sums on remainders.charge_id = meter_sums.charge_id
    where
        not remainders.is_rounding
        and (remainders.list_cost_usd != 0 or remainders.contracted_cost_usd != 0 or meter_sums.charge_id is null)
),

meter_rows as (
    select * from rows_of_meters
    union all
    select * from rows_without_meter
),

usage_rows as (
    select
        charges.* exclude (
            {%- for _, tokens, price in meters %}{{ tokens }}, {{ price }}, {% endfor -%}
            list_cost_usd, contracted_cost_usd, requests, credits_used, reported_cost_usd, cache_savings_usd,
            uncached_list_cost_usd
        ),
        meter_rows.sku_meter,
        meter_rows.tokens,
        meter_rows.list_usd_per_mtok,
        cast(meter_rows.list_cost_usd as decimal(38, 12)) as list_cost_usd,
        cast(meter_rows.contracted_cost_usd as decimal(38, 12)) as contracted_cost_usd,
        -- Amounts of the request without a meter are on its first row only, so that they add up.
        {% for column, type in {
            'requests': 'bigint', 'credits_used': 'bigint', 'reported_cost_usd': 'decimal(38, 12)',
            'cache_savings_usd': 'decimal(38, 12)', 'uncached_list_cost_usd': 'decimal(38, 12)',
        }.items() -%}
            cast(case when meter_rows.is_first_meter then charges.{{ column }} end as {{ type }}) as {{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from charges
    inner join meter_rows on charges.charge_id = meter_rows.charge_id
)

select * from usage_rows
