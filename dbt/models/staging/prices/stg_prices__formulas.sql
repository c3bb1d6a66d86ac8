{%- set counts = ['p', 'c', 'cr', 'cc', 'cc1h', 'img', 'img_cr', 'ai', 'ao', 'img_o'] %}

with formulas as (
    select * from {{ raw_glob('price_formulas') }}
),

in_units as (
    select
        *,
        {% for count in counts + ['constant'] -%}
            cast(replace(cast({{ count }}_usd_per_mtok as varchar), '.', '') as hugeint) as {{ count }}_fine{{ ',' if not loop.last }}
        {% endfor %}
    from formulas
    where reason is null
)

select * from in_units
