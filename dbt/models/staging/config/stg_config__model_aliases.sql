with model_aliases as (
    select * from {{ raw_glob('config_model_aliases') }}
),

renamed as (
    select
        model,
        catalogue_provider,
        catalogue_model,
        reason,
        config_file,
        config_line
    from model_aliases
)

select * from renamed
