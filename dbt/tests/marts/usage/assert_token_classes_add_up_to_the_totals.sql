-- Fails if the disjoint classes do not sum to the totals on an event whose own numbers are consistent.

select event_id
from {{ ref('fct_usage_costs') }}
where
    event_date in {{ unpublished_days('fct_usage_costs') }}
    -- The difference of two consistent events need not look like one.
    and adjusts_event_id is null
    and (
        total_tokens != input_tokens + output_tokens
        {%- for side in ['input', 'output'] %}
        or (
            {{ token_columns(split_classes() | selectattr('side', 'equalto', side)) | join(' + ') }} <= {{ side }}_tokens
            and {{ token_columns(token_classes(side = side)) | join(' + ') }} != {{ side }}_tokens
        )
        {%- endfor %}
    )
