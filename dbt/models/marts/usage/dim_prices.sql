with prices as (
    select * from {{ ref('int_model_prices') }}
),

models as (
    select * from {{ ref('stg_prices__models') }}
),

last_day as (
    select max(event_date) as event_date from {{ ref('int_usage_days') }}
),

described as (
    select
        prices.price_provider,
        prices.price_model,
        models.catalogue_provider,
        models.catalogue_model,
        prices.variant,
        prices.valid_from,
        prices.valid_to,
        coalesce(
            prices.valid_from < last_day.event_date + interval 1 day and prices.valid_to > last_day.event_date, false
        ) as is_current,
        prices.tier_start,
        prices.tier_end,
        prices.tod_start,
        prices.tod_end,
        prices.price_id,
        prices.price_source,
        prices.price_version,
        {% for class in priced_classes() -%}
            prices.{{ class }}_usd_per_mtok{{ ',' if not loop.last }}
        {% endfor %}
    from prices
    cross join last_day
    left join models
        on prices.price_provider = models.price_provider and prices.price_model = models.price_model
)

select * from described
