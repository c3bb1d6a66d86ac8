-- Rulings: docs/decisions/pricing.md#pricing-14
-- One row per day, source, workspace and model: what the same tokens would have cost at another model's prices, without
-- the cache, and without discounts. `target` is <price_provider>/<price_model> of dim_prices, its standard service.
--
--     use tollbook.marts;
--     select sum(cost_usd), sum(target_cost_usd) from what_if('openai/gpt-4o-mini') where model_served = 'openai/gpt-4o';
--
-- Every request is priced with the prices of its own moment, prompt size and time of day, times its own discount. The
-- target has the same tokens: another tokenizer or answer length is not estimated. Requests that are unpriced, refunded
-- or paid per call are left out, so that both sides are of the same requests. `tokens_at_prices` is the sum of each
-- token class of dbt_project.yml times its price, inserted on publication.
--
-- A name that dim_prices does not have is an error; a model without a price at that moment is counted.
create macro what_if(target) as table
with known as (
    select
        case
            when coalesce(bool_or(concat_ws('/', price_provider, price_model) = target), false) then true
            else error(concat(
                'what_if: dim_prices has no model called "', target,
                '"; write <price_provider>/<price_model> of one of its rows, such as "',
                max(concat_ws('/', price_provider, price_model)), '"'
            ))
        end as is_known
    from dim_prices
),

requests as (
    select
        *,
        coalesce(discount_factor, 1) as factor
    from fct_usage_costs
    where
        (select is_known from known)
        and cache_optimized_cost_usd is not null and event_type = 'llm_call' and billing_mode not in ('per_call', 'free')
),

prices as (
    select * from dim_prices
    where concat_ws('/', price_provider, price_model) = target and variant = 'standard'
),

repriced as (
    select
        requests.*,
        prices.price_id is not null or input_tokens + output_tokens = 0 as is_priced,
        cast(
            $tokens_at_prices
            + prices.requests_usd_per_mtok
            + web_searches * coalesce(prices.web_searches_usd_per_mtok, 0) as decimal(32, 12)
        ) as target_price
    from requests
    left join prices
        on
            requests.occurred_at >= prices.valid_from
            and requests.occurred_at < prices.valid_to
            and requests.input_tokens > prices.tier_start - case when prices.tier_start = 0 then 1 else 0 end
            and requests.input_tokens <= prices.tier_end
            and cast(requests.occurred_at as time) >= prices.tod_start
            and cast(requests.occurred_at as time) < prices.tod_end
)

select
    event_date,
    source,
    workspace_id,
    model_served,
    cast(count(*) as bigint) as requests,
    cast(count(*) filter (where not is_priced) as bigint) as requests_without_target_price,
    cast(sum(cache_optimized_cost_usd) as decimal(38, 12)) as cost_usd,
    cast(sum(target_price * factor) * cast(0.000001 as decimal(6, 6)) as decimal(38, 12)) as target_cost_usd,
    cast(sum(discounted_cost_usd) as decimal(38, 12)) as cost_without_cache_usd,
    cast(sum(cache_list_cost_usd) as decimal(38, 12)) as cost_without_discounts_usd
from repriced
group by event_date, source, workspace_id, model_served;
