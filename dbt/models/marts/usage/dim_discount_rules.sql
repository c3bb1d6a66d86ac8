{#- Rulings: docs/decisions/discounts.md#discounts-4 -#}
with discount_rules as (
    select * from {{ ref('stg_config__discount_rules') }}
),

usage_discounts as (
    select * from {{ ref('int_usage_discounts') }}
),

rule_use as (
    select
        usage_date,
        requests,
        rule_savings_usd,
        unnest(string_split(discount_rule_id, '+')) as rule_id
    from {{ ref('fct_discount_use_daily') }}
),

last_day as (
    select max(event_date) as event_date from {{ ref('int_usage_days') }}
),

row_days as (
    select
        rule_row_id,
        min(event_date) as first_used_date,
        max(event_date) as last_used_date,
        count(distinct event_date) as days_used
    from (
        select
            event_date,
            unnest(string_split(rule_row_ids, '+')) as rule_row_id
        from usage_discounts
    ) as rows_used
    group by rule_row_id
),

-- A rule's discounts are summed by its name, which its rows for several subjects and thresholds share.
rule_totals as (
    select
        discount_rules.rule_row_id,
        cast(sum(rule_use.requests) as bigint) as requests,
        cast(sum(rule_use.rule_savings_usd) as decimal(38, 12)) as rule_savings_usd
    from discount_rules
    inner join rule_use
        on
            discount_rules.rule_id = rule_use.rule_id
            and rule_use.usage_date >= discount_rules.valid_from
            and (discount_rules.valid_to is null or rule_use.usage_date < discount_rules.valid_to)
    group by discount_rules.rule_row_id
),

described as (
    select
        ---------- ids
        discount_rules.rule_row_id,
        discount_rules.rule_id,

        ---------- whom and what it is for
        {% for column in discount_subject() -%}
            discount_rules.{{ column }},
        {% endfor %}

        ---------- the rule
        discount_rules.kind,
        discount_rules.factor as discount_factor,
        discount_rules.min_month_list_usd,
        discount_rules.precedence,
        discount_rules.stacks,
        discount_rules.reason,

        ---------- validity
        discount_rules.valid_from,
        discount_rules.valid_to,
        coalesce(
            discount_rules.valid_from <= last_day.event_date
            and (discount_rules.valid_to is null or last_day.event_date < discount_rules.valid_to),
            false
        ) as is_current,

        ---------- use
        row_days.first_used_date,
        row_days.last_used_date,
        coalesce(row_days.days_used, 0) as days_used,
        coalesce(rule_totals.requests, 0) as rule_requests,
        coalesce(rule_totals.rule_savings_usd, 0) as rule_savings_usd,

        ---------- lineage
        discount_rules.config_file,
        discount_rules.config_line
    from discount_rules
    cross join last_day
    left join row_days on discount_rules.rule_row_id = row_days.rule_row_id
    left join rule_totals on discount_rules.rule_row_id = rule_totals.rule_row_id
)

select * from described
