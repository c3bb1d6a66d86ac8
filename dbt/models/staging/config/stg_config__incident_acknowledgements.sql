with acknowledgements as (
    select * from {{ raw_glob('config_incident_acknowledgements') }}
),

renamed as (
    select
        ---------- ids
        anomaly_id,

        ---------- the acknowledgement
        until_date,
        reason,

        ---------- lineage
        config_file,
        config_line
    from acknowledgements
)

select * from renamed
