-- Fails if the disjoint classes do not sum to the totals on an event whose own numbers are consistent.
select event_id
from {{ ref('fct_usage_costs') }}
where
    event_date in {{ unpublished_days('fct_usage_costs') }}
    -- The difference of two consistent events need not look like one.
    and adjusts_event_id is null
    and (
        total_tokens != input_tokens + output_tokens
        or (
            cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens + input_audio_tokens + input_image_tokens
            <= input_tokens
            and uncached_input_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens
            + input_audio_tokens + input_image_tokens != input_tokens
        )
        or (
            reasoning_tokens + output_audio_tokens + output_image_tokens <= output_tokens
            and output_text_tokens + reasoning_tokens + output_audio_tokens + output_image_tokens != output_tokens
        )
    )
