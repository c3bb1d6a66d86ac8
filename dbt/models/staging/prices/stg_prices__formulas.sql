{#- Rulings: docs/decisions/gateway-prices.md#gateway-prices-3 -#}
{%- set counts = formula_names() %}

with formulas as (
    select * from {{ raw_glob('price_formulas') }}
),

in_units as (
    select
        *,
        {% for count in counts + ['constant'] -%}
            cast(replace(cast({{ count }}_usd_per_mtok as varchar), '.', '') as hugeint) as {{ count }}_yoctousd,
        {% endfor -%}
        md5(concat_ws(
            '|', branch, coalesce(service_tier, '~'), other_service_tiers
            {%- for count in counts %}, {{ count }}_from, {{ count }}_to, uses_{{ count }}, {{ count }}_usd_per_mtok{% endfor %},
            len_from, len_to, constant_usd_per_mtok
        )) as fingerprint
    from formulas
    where reason is null
)

select * from in_units
