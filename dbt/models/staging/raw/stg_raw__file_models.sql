{{ config(materialized = 'table') }}

with files as (
    select * from {{ ref('stg_raw__files') }}
),

file_models as (
    select
        source,
        stream,
        landing_file,
        delivered_on,
        unnest(models, recursive := true)
    from files
),

renamed as (
    select
        source,
        stream,
        landing_file,
        delivered_on,
        event_date,
        coalesce(provider, '') as price_provider,
        model as price_model,
        events as event_count
    from file_models
)

select * from renamed
