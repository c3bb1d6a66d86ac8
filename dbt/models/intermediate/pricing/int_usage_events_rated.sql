{#- Rulings: docs/decisions/gateway-prices.md#gateway-prices-1 -#}
with gateway_rated as (
    select * from {{ ref('int_usage_events_gateway_rated') }}
),

-- A gateway's own price precedes the catalogue's, and our contract precedes both, except a price per call.
chosen as (
    select
        *,
        gateway_price_source is not null
        and (
            coalesce(catalogue_price_source, '') != 'override'
            or gateway_price_source = 'per_call'
        ) as is_gateway_priced
    from gateway_rated
),

rated as (
    select
        * exclude (
            {% for class in token_classes() -%}
                catalogue_{{ class['class'] }}_usd_per_mtok, gateway_{{ class['class'] }}_usd_per_mtok,
            {% endfor -%}
            catalogue_web_searches_usd_per_mtok
        ),
        case when is_gateway_priced then gateway_price_source else catalogue_price_id end as price_id,
        case when not is_gateway_priced then catalogue_price_version end as price_version,
        case when is_gateway_priced then gateway_price_source else catalogue_price_source end as price_source,
        {% for class in token_classes() -%}
            case when is_gateway_priced then gateway_{{ class['class'] }}_usd_per_mtok else catalogue_{{ class['class'] }}_usd_per_mtok end
                as {{ class['class'] }}_usd_per_mtok,
        {% endfor -%}
        case when not is_gateway_priced then catalogue_web_searches_usd_per_mtok end as web_searches_usd_per_mtok,
        {% for tier in ['list', 'cached'] -%}
            case when not is_gateway_priced then catalogue_{{ tier }}_picousd end as {{ tier }}_picousd,
            case when is_gateway_priced then gateway_{{ tier }}_yoctousd else catalogue_{{ tier }}_yoctousd end as {{ tier }}_yoctousd{{ ',' if not loop.last }}
        {% endfor %}
    from chosen
)

select * from rated
