-- Rulings: docs/decisions/reports.md#reports-8
-- One row per usage event: fct_usage_costs, and what discounts and the cache saved on it, computed when it is asked.
--
--     use tollbook.marts;
--     select request_id, discount_share, cache_hit_rate, cache_factor from request_savings;
--
-- Quotients have 18 decimals, by whole numbers: picodollars * 10^18 // picodollars. `cached_input_tokens` is the sum of
-- the token classes of dbt_project.yml that the cache served, inserted on publication.
create view request_savings as
with counted as (
    select
        *,
        cast(input_tokens as hugeint) as prompt_tokens,
        cast($cached_input_tokens as hugeint) * 1000000 as cached_parts,
        cast(cast(list_cost_usd as decimal(38, 12)) * cast(1000000000000 as decimal(13, 0)) as hugeint) as list_picousd,
        cast(cast(discounted_cost_usd as decimal(38, 12)) * cast(1000000000000 as decimal(13, 0)) as hugeint) as discounted_picousd,
        cast(cast(cache_optimized_cost_usd as decimal(38, 12)) * cast(1000000000000 as decimal(13, 0)) as hugeint) as optimized_picousd
    from fct_usage_costs
),

-- Nothing to divide by, and a refund, give no quotient.
divided as (
    select
        *,
        case when list_picousd > 0 then (discounted_picousd * 1000000000000000000 + list_picousd // 2) // list_picousd end
            as discount_parts,
        case
            when discounted_picousd > 0
                then (optimized_picousd * 1000000000000000000 + discounted_picousd // 2) // discounted_picousd
        end as cache_parts,
        case when list_picousd > 0 then (optimized_picousd * 1000000000000000000 + list_picousd // 2) // list_picousd end
            as total_parts,
        case when prompt_tokens > 0 then (cached_parts + prompt_tokens // 2) // prompt_tokens end as hit_parts
    from counted
),

factored as (
    select
        * exclude (
            prompt_tokens, cached_parts, list_picousd, discounted_picousd, optimized_picousd, discount_parts, cache_parts,
            total_parts, hit_parts
        ),
        cast(discount_parts as decimal(38, 0)) * cast(0.000000000000000001 as decimal(18, 18)) as effective_discount_factor,
        cast(cache_parts as decimal(38, 0)) * cast(0.000000000000000001 as decimal(18, 18)) as cache_factor,
        cast(total_parts as decimal(38, 0)) * cast(0.000000000000000001 as decimal(18, 18)) as total_factor,
        cast(hit_parts as decimal(18, 0)) * cast(0.000001 as decimal(6, 6)) as hit_rate
    from divided
)

select
    * exclude (total_factor, hit_rate),
    cast(discount_savings_usd + cache_savings_usd as decimal(18, 12)) as total_savings_usd,
    cast(round(1 - effective_discount_factor, 6) as decimal(18, 6)) as discount_share,
    cast(round(1 - cache_factor, 6) as decimal(18, 6)) as cache_savings_share,
    cast(round(1 - total_factor, 6) as decimal(18, 6)) as total_savings_share,
    cast(hit_rate as decimal(18, 6)) as cache_hit_rate
from factored;

comment on view request_savings is
'One row per usage event: every column of fct_usage_costs, and what discounts and the prompt cache saved on it.';
comment on column request_savings.effective_discount_factor is
'Discounted over list cost, other service tiers included; null where nothing was listed.';
comment on column request_savings.cache_factor is
'Cache-optimized over discounted cost: list cost × effective_discount_factor × cache_factor, rounded to 12 decimals, is cache_optimized_cost_usd.';
comment on column request_savings.total_savings_usd is
'List cost minus cache-optimized cost: both savings together.';
comment on column request_savings.discount_share is
'Discount savings over list cost: the discount percentage as a share.';
comment on column request_savings.cache_savings_share is
'Cache savings over discounted cost; negative where cache writes cost more than they saved.';
comment on column request_savings.total_savings_share is
'Both savings over list cost.';
comment on column request_savings.cache_hit_rate is
'Cache reads over all prompt tokens, of every modality; null where there are none.';
