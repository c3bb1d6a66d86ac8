with usage_daily as (
    select * from {{ ref('fct_usage_daily') }}
),

prices as (
    select * from {{ ref('int_model_prices') }}
),

price_models as (
    select * from {{ ref('stg_prices__models') }}
),

last_day as (
    select max(event_date) as event_date from {{ ref('int_usage_days') }}
),

price_changes as (
    select
        concat(price_models.catalogue_provider, '/', price_models.catalogue_model) as priced_model,
        max(case when prices.valid_from < last_day.event_date + interval 1 day then prices.valid_from end) as price_valid_from,
        min(case when prices.valid_from >= last_day.event_date + interval 1 day then prices.valid_from end) as price_valid_to
    from prices
    inner join price_models
        on prices.price_provider = price_models.price_provider and prices.price_model = price_models.price_model
    cross join last_day
    group by concat(price_models.catalogue_provider, '/', price_models.catalogue_model)
),

used as (
    select
        source,
        coalesce(provider, 'unattributed') as provider,
        coalesce(model_served, 'unattributed') as model_served,
        {{ latest_spelling('priced_model', "{'date': event_date, 'time': last_seen_at}") }} as priced_model,
        {{ latest_spelling('price_match', "{'date': event_date, 'time': last_seen_at}") }} as price_match,
        min(event_date) as first_seen_date,
        max(event_date) as last_seen_date,
        cast(sum(requests) as bigint) as requests,
        cast(sum(unpriced_requests) as bigint) as unpriced_requests
    from usage_daily
    group by source, coalesce(provider, 'unattributed'), coalesce(model_served, 'unattributed')
),

described as (
    select
        used.source,
        used.provider,
        used.model_served,
        used.priced_model,
        used.price_match,
        price_changes.price_valid_from,
        price_changes.price_valid_to,
        used.first_seen_date,
        used.last_seen_date,
        used.requests,
        used.unpriced_requests
    from used
    left join price_changes on used.priced_model = price_changes.priced_model
)

select * from described
