-- Rulings: docs/decisions/pricing.md#pricing-14
-- One row per day, source, workspace and model: what the same tokens would have cost at another model's prices, without
-- the cache, and without discounts. `target` is <price_provider>/<price_model> of dim_prices, or
-- <catalogue_provider>/<catalogue_model> of dim_catalogue_prices; its standard service.
--
--     use tollbook.marts;
--     select sum(cost_usd), sum(target_cost_usd) from what_if('openai/gpt-4o-mini') where model_served = 'openai/gpt-4o';
--
-- Every request is priced with the prices of its own moment, prompt size and time of day, times its own discount. The
-- target has the same tokens: another tokenizer or answer length is not estimated. Requests that are unpriced, refunded
-- or paid per call are left out, so that both sides are of the same requests. `tokens_at_prices` is the sum of each
-- token class of dbt_project.yml times its price, inserted on publication.
--
-- A model that nobody has used yet is one of dim_catalogue_prices, without our own contracts: its unit prices are put
-- together here, as int_model_prices does every night for those in use (`class_prices`, inserted on publication). A name
-- that neither table has is an error; a model without a price at that moment is counted.
create macro what_if(target) as table
with names as (
    select concat_ws('/', price_provider, price_model) as model, true as is_used from dim_prices
    union
    select concat_ws('/', catalogue_provider, catalogue_model) as model, false as is_used from dim_catalogue_prices
),

known as (
    select
        case
            when coalesce(bool_or(model = target), false) then coalesce(bool_or(model = target and is_used), false)
            else error(concat(
                'what_if: neither dim_prices nor dim_catalogue_prices has a model called "', target,
                '"; write <provider>/<model> of one of their rows, such as "', arg_min(model, levenshtein(model, target)), '"'
            ))
        end as is_used
    from names
),

unit_prices as (
    select * from dim_catalogue_prices
    where
        not (select is_used from known)
        and concat_ws('/', catalogue_provider, catalogue_model) = target
        and variant = 'standard'
),

-- The boundaries of all classes divide time, prompt size and time of day into cells of constant prices.
periods as (
    select edge as valid_from, lead(edge) over (order by edge) as valid_to
    from (select valid_from as edge from unit_prices union select valid_to from unit_prices) as edges
),

tiers as (
    select tier_start, lead(tier_start, 1, 9223372036854775807) over (order by tier_start) as tier_end
    from (select distinct tier_start from unit_prices) as starts
),

times_of_day as (
    select edge as tod_start, lead(edge) over (order by edge) as tod_end
    from (select tod_start as edge from unit_prices union select tod_end from unit_prices) as edges
),

class_prices as (
    select
        valid_from, valid_to, tier_start, tier_end, tod_start, tod_end, token_class,
        arg_max(usd_per_million, class_tier_start) as usd_per_million
    from periods
    cross join tiers
    cross join times_of_day
    inner join (
        select
            valid_from as class_from, valid_to as class_to, tier_start as class_tier_start, tod_start as class_tod_start,
            tod_end as class_tod_end, token_class, usd_per_million
        from unit_prices
    ) as classes
        on
            valid_from >= class_from and valid_to <= class_to and tier_start >= class_tier_start
            and tod_start >= class_tod_start and tod_end <= class_tod_end
    group by all
),

unused_prices as (
    select
        valid_from, valid_to, tier_start, tier_end, tod_start, tod_end,
        'catalogue' as price_id,
        $class_prices,
        coalesce(any_value(usd_per_million) filter (where token_class = 'requests'), 0) as requests_usd_per_mtok,
        any_value(usd_per_million) filter (where token_class = 'web_searches') as web_searches_usd_per_mtok
    from class_prices
    group by valid_from, valid_to, tier_start, tier_end, tod_start, tod_end
    having count(usd_per_million) > 0
),

requests as (
    select
        *,
        coalesce(discount_factor, 1) as factor
    from fct_usage_costs
    where
        (select is_used is not null from known)
        and cache_optimized_cost_usd is not null and event_type = 'llm_call' and billing_mode not in ('per_call', 'free')
),

prices as (
    select * from dim_prices
    where concat_ws('/', price_provider, price_model) = target and variant = 'standard'
    union all by name
    select * from unused_prices
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
