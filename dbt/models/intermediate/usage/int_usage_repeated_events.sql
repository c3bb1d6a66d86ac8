{#- Rulings: docs/decisions/copies.md -#}
{{ config(
    materialized = 'daily', upstream = ['int_usage_day_windows', 'int_usage_repeated_keys'],
    margin_days = 1, keeps_content = true
) }}

-- depends_on: {{ ref('int_usage_day_windows') }}
with usage_events as (
    select * from {{ ref('int_usage_events') }}
),

repeated_keys as (
    select distinct key_hash from {{ ref('int_usage_repeated_keys') }}
),

candidates as (
    select
        usage_events.*,
        md5(concat_ws(
            '|',
            usage_events.occurred_at, usage_events.status, usage_events.model_served,
            coalesce(usage_events.api_key_id, ''), coalesce(usage_events.workspace_id, ''),
            coalesce(usage_events.member_id, ''), usage_events.input_tokens, usage_events.output_tokens,
            {% for tokens in token_columns(token_classes()) %}usage_events.{{ tokens }}, {% endfor -%}
            coalesce(usage_events.reported_cost_usd, -1),
            coalesce(usage_events.credits_used, -1)
        )) as content_hash,
        md5(concat_ws(
            '|',
            {% for column in usage_event_columns() if column not in ['source', 'event_id', 'raw_file', 'raw_line'] -%}
                coalesce(cast(usage_events.{{ column }} as varchar), ''){{ ',' if not loop.last }}
            {% endfor %}
        )) as whole_hash
    from usage_events
    inner join repeated_keys
        on hash(usage_events.event_id) = repeated_keys.key_hash
),

-- The richest export of a call is kept, and of that the last delivery. Within one day of delivery the order is unknown,
-- whatever the file names: the copy with the most usage is kept.
ranked as (
    select
        *,
        count(*) over (partition by event_id) as copies,
        row_number() over (
            partition by event_id
            order by
                stream_rank, delivered_on desc, usage_source = 'missing', input_tokens + output_tokens desc,
                reported_cost_usd desc nulls last, whole_hash, raw_file desc, raw_line desc
        ) as recency,
        row_number() over (
            partition by event_id, delivered_on, whole_hash
            order by raw_file desc, raw_line desc
        ) as delivery_copy
    from candidates
),

-- The kept copy's token classes come from the best copy that splits the same totals; where it has no usage, or usage that
-- contradicts itself, from the best copy that has any. A contradictory copy gives its own only where there is no other.
donors as (
    select
        *,
        case
            when usage_source = 'missing' then false
            when usage_source = 'contradictory'
                then
                    first_value(usage_source) over kept_first = 'missing'
                    and not bool_or(usage_source not in ('missing', 'contradictory')) over (partition by event_id)
            when first_value(usage_source) over kept_first in ('missing', 'contradictory') then true
            else
                input_tokens = first_value(input_tokens) over kept_first
                and output_tokens = first_value(output_tokens) over kept_first
                and {{ token_columns(split_classes()) | join(' + ') }} > 0
        end as donates_tokens,
        -- The model that served a call is the one in its response. Another version date alone is not another model.
        is_response
        and {{ model_without_date('model_served') }}
        != coalesce({{ model_without_date('first_value(model_served) over kept_first') }}, '') as donates_model,
        {
            'is_response': is_response,
            'stream_rank': stream_rank,
            {%- for field, value in copy_fields().items() %}
            '{{ field }}': {{ value }}{{ ',' if not loop.last }}
            {%- endfor %}
        } as said
    from ranked
    where copies > 1
    window kept_first as (
        partition by event_id
        order by recency
    )
),

judged as (
    select
        event_date,
        source,
        event_id,
        request_id,
        delivered_on,
        raw_file,
        raw_line,
        case
            when recency = 1 then 'kept'
            when stream_rank != first_value(stream_rank) over event_copies then 'companion'
            when content_hash = first_value(content_hash) over event_copies then 'duplicate'
            else 'revision'
        end as verdict,
        -- Without any id a second equal call cannot be distinguished from a second copy.
        delivery_copy > 1 and request_id is null and not starts_with(event_id, concat(source, ':#')) as is_repeated_identical,
        {% for column in usage_event_fill_columns() -%}
            first_value({{ column }} ignore nulls) over event_copies as {{ column }},
        {% endfor -%}
        {% for column in usage_event_served_columns() -%}
            first_value(case when donates_model then {{ column }} end ignore nulls) over event_copies as {{ column }},
        {% endfor -%}
        said,
        first_value(said) over event_copies as kept_said,
        first_value(raw_file) over event_copies as kept_raw_file,
        first_value(raw_line) over event_copies as kept_raw_line,
        {% for column in usage_event_token_columns() -%}
            first_value(case when donates_tokens then {{ column }} end ignore nulls) over event_copies as {{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from donors
    window event_copies as (
        partition by event_id
        order by recency
        rows between unbounded preceding and unbounded following
    )
),

compared as (
    select
        *,
        coalesce(
            verdict != 'kept' and (
                {%- for field in copy_fields() %}
                {{ 'or ' if not loop.first }}coalesce({{ copies_differ(field, 'said', 'kept_said') }}, false)
                {%- endfor %}
            ), false
        ) as contradicts_kept
    from judged
)

select * from compared
