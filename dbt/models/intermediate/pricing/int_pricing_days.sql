{#- Rulings: docs/decisions/days.md#days-1, docs/decisions/pricing.md#pricing-7, docs/decisions/variance.md#variance-3 -#}
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

alternatives as (
    select * from {{ ref('int_model_price_alternatives') }}
),

formulas as (
    select * from {{ ref('stg_prices__formulas') }}
),

files as (
    select * from {{ ref('stg_raw__files') }}
),

file_days as (
    select * from {{ ref('stg_raw__file_days') }}
),

file_formulas as (
    select
        landing_file,
        unnest(price_formulas) as price_formula
    from files
),

-- The formulas' prices, on the days of the files that contain them.
day_formulas as (
    select
        file_days.event_date,
        string_agg(distinct formulas.fingerprint, ',' order by formulas.fingerprint) as formulas_text
    from file_formulas
    inner join file_days on file_formulas.landing_file = file_days.landing_file
    inner join formulas on file_formulas.price_formula = formulas.price_formula
    group by file_days.event_date
),

day_prices as (
    select
        file_models.event_date,
        string_agg(
            concat_ws(
                '|', file_models.price_provider, file_models.price_model, models.catalogue_model, models.matched_by,
                prices.variant, prices.valid_from, prices.tier_start, prices.tod_start, prices.fingerprint, alternatives.earlier_fingerprint,
                -- A later price counts as soon as a gateway may have charged it: a week ahead.
                case
                    when alternatives.later_from < file_models.event_date + interval 8 day then alternatives.later_fingerprint
                end
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
    left join alternatives on prices.price_cell = alternatives.disputed_price_cell
    group by file_models.event_date
),

fingerprinted as (
    select
        days.event_date,
        days.weight,
        md5(concat_ws('|', coalesce(day_prices.prices_text, ''), day_formulas.formulas_text)) as fingerprint
    from days
    left join day_prices on days.event_date = day_prices.event_date
    left join day_formulas on days.event_date = day_formulas.event_date
)

select * from fingerprinted
