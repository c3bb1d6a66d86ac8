{#- Rulings: docs/decisions/discounts.md#discounts-2 -#}
{{ config(
    materialized = 'daily', upstream = ['int_discount_days', 'int_usage_days', 'int_usage_repeated_events'],
    keeps_content = true
) }}

{%- set subject = discount_subject() | join(', ') %}
-- depends_on: {{ ref('int_usage_days') }}
with discount_days as (
    select * from {{ ref('int_discount_days') }}
),

usage_events as (
    select * from {{ ref('int_usage_events_deduplicated') }}
),

subjects as (
    select distinct
        usage_events.event_date,
        {% for column in discount_subject() -%}
            {{ discount_subject_of(column, 'usage_events', 'discount_days') }} as {{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from usage_events
    inner join discount_days on usage_events.event_date = discount_days.event_date
),

discount_rules as (
    select
        *,
        case when model like '%*' then left(model, length(model) - 1) end as model_start,
        {% for column in discount_subject() -%}
            {{ '+ ' if not loop.first }}case when {{ column }} is null then 0 else 1 end
        {% endfor %} as named_columns,
        {% for column in ['call_type', 'provider', 'model', 'group_name', 'workspace_id', 'member_id', 'api_key_id'] -%}
            {{ '+ ' if not loop.first }}case when {{ column }} is null then 0 else {{ 2 ** loop.index0 }} end
        {% endfor %} as named_rank
    from {{ ref('stg_config__discount_rules') }}
),

reached as (
    select * from {{ ref('int_volume_rules_reached') }}
),

matched as (
    select
        subjects.*,
        discount_rules.rule_id as discount_rule_id,
        discount_rules.factor as discount_factor,
        discount_rules.stacks,
        discount_rules.precedence,
        discount_rules.named_columns,
        discount_rules.named_rank,
        -- A full name is longer than any prefix of it.
        coalesce(length(discount_rules.model_start), 1000 + length(discount_rules.model), 0) as model_length,
        coalesce(discount_rules.min_month_list_usd, -1) as threshold_usd,
        discount_rules.valid_from,
        discount_rules.rule_row_id
    from subjects
    inner join discount_rules
        on
            subjects.event_date >= discount_rules.valid_from
            and (discount_rules.valid_to is null or subjects.event_date < discount_rules.valid_to)
            {%- for column in discount_subject() if column != 'model' %}
            and (discount_rules.{{ column }} is null or discount_rules.{{ column }} = subjects.{{ column }})
            {%- endfor %}
            and (
                discount_rules.model is null
                or discount_rules.model in (subjects.model, concat(subjects.provider, '/', subjects.model))
                or discount_rules.model_start in (
                    left(subjects.model, length(discount_rules.model_start)),
                    left(concat(subjects.provider, '/', subjects.model), length(discount_rules.model_start))
                )
            )
    left join reached
        on
            subjects.event_date = reached.event_date
            and subjects.workspace_id is not distinct from reached.workspace_id
            and discount_rules.rule_row_id = reached.rule_row_id
    where discount_rules.min_month_list_usd is null or reached.rule_row_id is not null
),

-- The rows of one rule are its subjects and thresholds: one of them applies to an event.
rules_once as (
    select *
    from (
        select
            *,
            row_number() over (
                partition by event_date, {{ subject }}, discount_rule_id
                order by {{ discount_order() }}
            ) as row_choice
        from matched
    ) as rule_rows
    where row_choice = 1
),

-- One of the rules that compete wins; those that stack multiply onto it.
positioned as (
    select
        *,
        row_number() over (
            partition by event_date, {{ subject }}
            order by stacks, {{ discount_order() }}
        ) as position
    from (
        select
            *,
            row_number() over (
                partition by event_date, {{ subject }}, stacks
                order by {{ discount_order() }}
            ) as choice
        from rules_once
    ) as ranked
    where stacks or choice = 1
),

-- 38 digits hold six factors of six decimals each; a data test fails on more.
multiplied as (
    select
        event_date,
        {{ subject }},
        string_agg(discount_rule_id, '+' order by position) as discount_rule_id,
        string_agg(rule_row_id, '+' order by position) as rule_row_ids,
        cast(count(*) as bigint) as rule_count,
        {% for factor in range(1, 7) -%}
            {{ '* ' if not loop.first }}cast(coalesce(
                max(case when position = {{ factor }} then cast(discount_factor * cast(1000000 as decimal(7, 0)) as bigint) end), 1000000
            ) as hugeint)
        {% endfor %} as factor_product
    from positioned
    group by event_date, {{ subject }}
),

discounts as (
    select
        multiplied.event_date,
        {% for column in discount_subject() -%}
            multiplied.{{ column }},
            discount_days.names_{{ column }},
        {% endfor -%}
        multiplied.discount_rule_id,
        multiplied.rule_row_ids,
        multiplied.rule_count,
        cast(
            cast((multiplied.factor_product + 500000000000000000000000000000) // 1000000000000000000000000000000 as bigint)
            * cast(0.000001 as decimal(7, 6)) as decimal(9, 6)
        ) as discount_factor
    from multiplied
    inner join discount_days on multiplied.event_date = discount_days.event_date
)

select * from discounts
