with models as (
    select
        provider as price_provider,
        model as price_model,
        catalogue_provider,
        catalogue_model,
        matched_by,
        reason_unmatched
    from {{ raw_glob('price_models') }}
)

select * from models
