with anomaly_settings as (
    select * from {{ raw_glob('config_anomaly_settings') }}
),

renamed as (
    select
        lower(trim(setting)) as setting,
        value as setting_value,
        reason,
        config_file,
        config_line
    from anomaly_settings
)

select * from renamed
