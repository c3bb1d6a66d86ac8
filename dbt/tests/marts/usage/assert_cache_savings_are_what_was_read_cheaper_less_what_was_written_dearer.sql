-- Fails if cache savings are not (input price - read price) x tokens read, modality by modality, less (write price - input
-- price) x tokens written, all at the discount: to the digit at which each tier is rounded. Left out is what classes do not explain: a
-- free call, a price per call, a settlement, and the writes of a ratio row, which may have a third price.
{%- set written = token_classes(cached = 'write') %}

with priced as (
    select
        event_id,
        cache_savings_usd,
        cast(
            {% for class in token_classes(cached = 'read') + written -%}
                {{ '+ ' if not loop.first -}}
                cast(
                    ({{ class.list_as }}_usd_per_mtok - {{ class['class'] }}_usd_per_mtok) * {{ class.tokens }} as decimal(38, 18)
                )
            {% endfor -%}
            as decimal(30, 18)
        ) * cast(0.000001 as decimal(6, 6)) as undiscounted_usd,
        discount_factor
    from {{ ref('fct_usage_costs') }}
    where
        event_date in {{ unpublished_days('fct_usage_costs') }}
        and adjusts_event_id is null
        and cache_savings_usd is not null
        and billing_mode != 'free'
        and event_type not in ('refund', 'adjustment')
        and input_tokens + output_tokens > 0
        and (
            price_source in ('catalogue', 'override', 'formula')
            or (price_source = 'ratio' and {{ token_columns(written) | join(' + ') }} = 0)
        )
)

select event_id
from priced
where
    abs(cache_savings_usd - cast(undiscounted_usd * discount_factor as decimal(38, 24)))
    > cast(0.000000000002 as decimal(18, 12))
