{#- Rulings: docs/decisions/variance.md#variance-3 -#}
{{ config(materialized = 'table') }}

{%- set neighbours = {
    'earlier': 'in_time', 'later': 'in_time', 'lower_tier': 'in_tier', 'upper_tier': 'in_tier',
    'other_time': 'in_time_of_day',
} %}
{%- for tier in service_tiers() %}{% do neighbours.update({tier: 'in_variant'}) %}{% endfor %}

with prices as (
    select * from {{ ref('int_model_prices') }}
),

cells as (
    select
        price_cell,
        price_provider,
        price_model,
        variant,
        valid_from,
        valid_to,
        tier_start,
        tod_start,
        struct_pack(
            {%- for class in class_tokens() %}
            {{ class }} := {{ atto_price('coalesce(' ~ class ~ '_usd_per_mtok, 0)') }}{{ ',' if not loop.last }}
            {%- endfor %}
        ) as prices
    from prices
    where price_id is not null
),

-- Of the cells that differ from one in nothing but time, the nearest before and after with other prices.
in_time as (
    select
        cells.price_cell,
        max(others.valid_to) filter (where others.valid_from < cells.valid_from) as earlier_until,
        min(others.valid_from) filter (where others.valid_from > cells.valid_from) as later_from,
        arg_max(others.prices, others.valid_from) filter (where others.valid_from < cells.valid_from) as earlier,
        arg_min(others.prices, others.valid_from) filter (where others.valid_from > cells.valid_from) as later
    {{ from_neighbours_in('valid_from') }}
),

in_tier as (
    select
        cells.price_cell,
        arg_max(others.prices, others.tier_start) filter (where others.tier_start < cells.tier_start) as lower_tier,
        arg_min(others.prices, others.tier_start) filter (where others.tier_start > cells.tier_start) as upper_tier
    {{ from_neighbours_in('tier_start') }}
),

in_time_of_day as (
    select
        cells.price_cell,
        arg_min(others.prices, others.tod_start) as other_time
    {{ from_neighbours_in('tod_start') }}
),

in_variant as (
    select
        cells.price_cell,
        {% for variant in service_tiers() -%}
            arg_min(others.prices, others.price_cell) filter (where others.variant = '{{ variant }}') as {{ variant }}{{ ',' if not loop.last }}
        {% endfor %}
    {{ from_neighbours_in('variant') }}
),

-- A neighbour's prices as differences to the cell's own, so that they are comparable whatever else a call cost.
alternatives as (
    select
        cells.price_cell as disputed_price_cell,
        in_time.earlier_until,
        in_time.later_from,
        {% for neighbour, source in neighbours.items() -%}
            case when {{ source }}.{{ neighbour }} is not null then struct_pack(
                {%- for class in class_tokens() %}
                {{ class }} := {{ source }}.{{ neighbour }}.{{ class }} - cells.prices.{{ class }}{{ ',' if not loop.last }}
                {%- endfor %}
            ) end as {{ neighbour }}{{ ',' if not loop.last }}
        {% endfor %}
    from cells
    left join in_time on cells.price_cell = in_time.price_cell
    left join in_tier on cells.price_cell = in_tier.price_cell
    left join in_time_of_day on cells.price_cell = in_time_of_day.price_cell
    left join in_variant on cells.price_cell = in_variant.price_cell
),

fingerprinted as (
    select
        *,
        md5(cast(earlier as varchar) || cast(earlier_until as varchar)) as earlier_fingerprint,
        md5(cast(later as varchar) || cast(later_from as varchar)) as later_fingerprint
    from alternatives
)

select * from fingerprinted
