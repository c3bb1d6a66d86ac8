{#- Rulings: docs/decisions/gateway-prices.md, docs/decisions/pricing.md -#}
with rated as (
    select * from {{ ref('int_usage_events_rated') }}
),

discounts as (
    select * from {{ ref('int_usage_discounts') }}
),

discount_days as (
    select distinct
        event_date,
        {% for column in discount_subject() -%}
            names_{{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from discounts
),

discounted as (
    select
        rated.*,
        discounts.discount_rule_id,
        coalesce(discounts.discount_factor, rated.stated_discount_factor, 1) as discount_factor
    from rated
    left join discount_days on rated.event_date = discount_days.event_date
    left join discounts
        on
            {{ is_discount_subject('rated', 'discount_days', 'discounts') }}
),

factored as (
    select
        *,
        cast(discount_factor * cast(1000000 as decimal(7, 0)) as bigint) as factor_ppm
    from discounted
),

costed as (
    select
        *,
        {{ usd('list_picousd', 'list_yoctousd') }} as list_usd,
        case when gateway_price_source is not null then {{ usd('cast(null as bigint)', 'gateway_list_yoctousd') }} end as gateway_list_usd,
        case when gateway_price_source is not null then {{ usd('catalogue_list_picousd', 'catalogue_list_yoctousd') }} end
            as vendor_list_usd,
        {{ usd('list_picousd', 'list_yoctousd', 'factor_ppm') }} as discounted_usd,
        {{ usd('cached_picousd', 'cached_yoctousd') }} as cache_list_usd,
        {{ usd('cached_picousd', 'cached_yoctousd', 'factor_ppm') }} as cache_optimized_usd
    from factored
),

judged as (
    select
        *,
        {{ usage_verdict('list_usd') }} as verdict
    from costed
),

reasoned as (
    select
        *,
        case
            when verdict != 'unpriced' then cast(null as varchar)
            when usage_source = 'missing' then 'no_usage'
            when price_id is not null then 'amount_out_of_range'
            -- A period for which the catalogue has the model without prices.
            when price_cell is not null then 'free_or_unknown'
            when reason_unmatched is not null then reason_unmatched
            else 'no_price'
        end as unpriced_reason
    from judged
),

priced as (
    select
        *,
        {% for tier in ['list', 'discounted', 'cache_list', 'cache_optimized'] -%}
            case verdict
                when 'priced' then {{ 'case when billing_mode = \'free\' then 0 else cache_optimized_usd end' if tier == 'cache_optimized' else tier ~ '_usd' }}
                when 'nothing_used' then 0
                when 'settlement' then reported_cost_usd
            end as {{ tier }}_cost_usd,
        {% endfor -%}
        -- The gateway's price compared with the catalogue's, for calls that the gateway prices.
        case when verdict = 'priced' then gateway_list_usd end as list_cost_gateway_usd,
        case when verdict = 'priced' then vendor_list_usd end as list_cost_vendor_usd,
        case when verdict = 'priced' then gateway_list_usd - vendor_list_usd end as markup_usd
    from reasoned
),

-- What was taken from the wallet, and the call's whole cost: a caller's own key is billed elsewhere, a plan was paid
-- before.
charged as (
    select
        *,
        case
            when billing_mode = 'byok' and verdict != 'settlement' then wallet_cost_usd
            when billing_mode = 'free' then coalesce(reported_cost_usd, 0)
            else coalesce(reported_cost_usd, cache_optimized_cost_usd)
        end as charged_cost_usd,
        case
            when billing_mode = 'byok' and verdict != 'settlement' then coalesce(upstream_cost_usd, cache_optimized_cost_usd)
            else coalesce(plan_cost_usd, 0)
        end as paid_elsewhere_usd
    from priced
),

accounted as (
    select
        * exclude (paid_elsewhere_usd),
        charged_cost_usd + paid_elsewhere_usd as economic_cost_usd
    from charged
)

select * from accounted
