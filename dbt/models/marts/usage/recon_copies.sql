{#- Rulings: docs/decisions/copies.md#copies-4 -#}
{{ config(materialized = 'daily', upstream = ['int_usage_repeated_events']) }}

with contradictions as (
    select * from {{ ref('int_usage_repeated_events') }}
    where contradicts_kept
),

by_field as (
    {% for field in copy_fields() -%}
        select
            event_date,
            source,
            event_id,
            request_id,
            '{{ field }}' as field,
            verdict as copy_kind,
            cast(kept_said.{{ field }} as varchar) as kept_value,
            cast(said.{{ field }} as varchar) as other_value,
            {{ "coalesce(model_served, kept_said.model)" if field == 'model' else "cast(kept_said." ~ field ~ " as varchar)" }} as counted_value,
            kept_raw_file,
            kept_raw_line,
            raw_file as other_raw_file,
            raw_line as other_raw_line,
            delivered_on as other_delivered_on
        from contradictions
        where {{ copies_differ(field, 'said', 'kept_said') }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select * from by_field
