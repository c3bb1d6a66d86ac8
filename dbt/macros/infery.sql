{#- The calls of Infery's nine columns, which its CSV export and its usage API have alike. -#}
{% macro infery_calls(table, stream_rank) -%}
    select
        ---------- ids
        source,
        request_id,
        nullif(api_key_id, '') as api_key_id,
        -- A call without a key was made in the Playground, by a member the export does not name.
        case when nullif(api_key_id, '') is null then 'playground' else 'api' end as origin,

        ---------- call
        occurred_at,
        latency_ms as duration_ms,
        fallback_depth,

        ---------- model
        case when fallback_depth = 0 then model end as model_requested,
        model as model_served,

        ---------- tokens and money
        {{ usage_reading_columns() | join(',\n        ') }},
        'nothing' as cache_told,
        credits_used,

        ---------- lineage
        false as is_response,
        {{ stream_rank }} as stream_rank,
        raw_file,
        raw_line,
        delivered_on
    from {{ raw_events(table) }}
{%- endmacro %}
