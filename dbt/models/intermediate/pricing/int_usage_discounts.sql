{{ config(materialized = 'daily', upstream = ['int_usage_days', 'int_pricing_days']) }}

-- depends_on: {{ ref('int_usage_days') }}
-- depends_on: {{ ref('int_pricing_days') }}
with subjects as (
    select distinct
        event_date,
        workspace_id,
        group_name
    from {{ ref('int_usage_events') }}
),

discount_rules as (
    select * from {{ ref('stg_config__discount_rules') }}
),

-- The rule that names most of the subject wins; between equals the one that started last.
matched as (
    select
        subjects.event_date,
        subjects.workspace_id,
        subjects.group_name,
        discount_rules.rule_id as discount_rule_id,
        discount_rules.factor as discount_factor,
        row_number() over (
            partition by subjects.event_date, subjects.workspace_id, subjects.group_name
            order by
                case when discount_rules.workspace_id is null then 0 else 2 end
                + case when discount_rules.group_name is null then 0 else 1 end desc,
                discount_rules.valid_from desc,
                discount_rules.rule_id
        ) as choice
    from subjects
    inner join discount_rules
        on
            (discount_rules.workspace_id is null or discount_rules.workspace_id = subjects.workspace_id)
            and (discount_rules.group_name is null or discount_rules.group_name = subjects.group_name)
            and subjects.event_date >= discount_rules.valid_from
            and (discount_rules.valid_to is null or subjects.event_date < discount_rules.valid_to)
),

chosen as (
    select
        event_date,
        workspace_id,
        group_name,
        discount_rule_id,
        discount_factor
    from matched
    where choice = 1
)

select * from chosen
