{{ config(materialized = 'table') }}

with days as (
    select * from {{ ref('int_usage_days') }}
),

file_models as (
    select distinct
        event_date,
        price_provider,
        price_model
    from {{ ref('stg_raw__file_models') }}
),

models as (
    select * from {{ ref('stg_prices__models') }}
),

prices as (
    select * from {{ ref('int_model_prices') }}
),

discount_rules as (
    select * from {{ ref('stg_config__discount_rules') }}
),

day_prices as (
    select
        file_models.event_date,
        string_agg(
            concat_ws(
                '|', file_models.price_provider, file_models.price_model, models.catalogue_model, models.matched_by,
                prices.variant, prices.valid_from, prices.tier_start, prices.tod_start, prices.fingerprint
            ),
            ','
            order by
                file_models.price_provider, file_models.price_model, prices.variant, prices.valid_from,
                prices.tier_start, prices.tod_start
        ) as prices_text
    from file_models
    left join models
        on file_models.price_provider = models.price_provider and file_models.price_model = models.price_model
    left join prices
        on
            file_models.price_provider = prices.price_provider
            and file_models.price_model = prices.price_model
            and prices.valid_from < file_models.event_date + interval 1 day
            and prices.valid_to > file_models.event_date
    group by file_models.event_date
),

day_rules as (
    select
        days.event_date,
        string_agg(
            concat_ws(
                '|', discount_rules.rule_id, coalesce(discount_rules.workspace_id, '*'),
                coalesce(discount_rules.group_name, '*'), discount_rules.factor, discount_rules.valid_from
            ),
            ',' order by discount_rules.rule_id, discount_rules.valid_from
        ) as rules_text
    from days
    inner join discount_rules
        on
            days.event_date >= discount_rules.valid_from
            and (discount_rules.valid_to is null or days.event_date < discount_rules.valid_to)
    group by days.event_date
),

fingerprinted as (
    select
        days.event_date,
        days.weight,
        md5(concat_ws('#', coalesce(day_prices.prices_text, ''), coalesce(day_rules.rules_text, ''))) as fingerprint
    from days
    left join day_prices on days.event_date = day_prices.event_date
    left join day_rules on days.event_date = day_rules.event_date
)

select * from fingerprinted
