{{ config(materialized = 'table') }}

with days as (
    select * from {{ ref('int_usage_days') }}
),

discount_rules as (
    select * from {{ ref('stg_config__discount_rules') }}
),

reached as (
    select
        event_date,
        string_agg(
            concat_ws('|', rule_row_id, coalesce(workspace_id, '*')), ',' order by rule_row_id, workspace_id nulls first
        ) as reached_text
    from {{ ref('int_volume_rules_reached') }}
    group by event_date
),

-- A threshold is per workspace, so a rule with one distinguishes workspaces; a model may be written with its provider.
ruled as (
    select
        days.event_date,
        days.weight,
        {% for column in discount_subject() -%}
            bool_or(
                discount_rules.{{ column }} is not null
                {%- if column == 'workspace_id' %} or discount_rules.min_month_list_usd is not null{% endif %}
                {%- if column == 'provider' %} or discount_rules.model is not null{% endif %}
            ) as names_{{ column }},
        {% endfor -%}
        string_agg(
            concat_ws(
                '|', discount_rules.rule_row_id, discount_rules.factor, discount_rules.precedence, discount_rules.stacks
            ),
            ',' order by discount_rules.rule_row_id
        ) as rules_text
    from days
    inner join discount_rules
        on
            days.event_date >= discount_rules.valid_from
            and (discount_rules.valid_to is null or days.event_date < discount_rules.valid_to)
    group by days.event_date, days.weight
),

fingerprinted as (
    select
        ruled.event_date,
        ruled.weight,
        {% for column in discount_subject() -%}
            ruled.names_{{ column }},
        {% endfor -%}
        md5(concat_ws('#', ruled.rules_text, coalesce(reached.reached_text, ''))) as fingerprint
    from ruled
    left join reached on ruled.event_date = reached.event_date
)

select * from fingerprinted
