-- Fails if the disjoint classes do not sum to the totals on an event whose own numbers are consistent.
{%- set input = token_columns(token_classes(side = 'input')) %}
{%- set output = token_columns(token_classes(side = 'output')) %}

select event_id
from {{ ref('fct_usage_costs') }}
where
    event_date in {{ unpublished_days('fct_usage_costs') }}
    -- The difference of two consistent events need not look like one.
    and adjusts_event_id is null
    and (
        total_tokens != input_tokens + output_tokens
        or (
            {{ input | reject('equalto', 'uncached_input_tokens') | join(' + ') }} <= input_tokens
            and {{ input | join(' + ') }} != input_tokens
        )
        or (
            {{ output | reject('equalto', 'output_text_tokens') | join(' + ') }} <= output_tokens
            and {{ output | join(' + ') }} != output_tokens
        )
    )
