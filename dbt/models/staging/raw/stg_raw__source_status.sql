with statuses as (
    select * from {{ raw_glob('source_status') }}
),

renamed as (
    select
        ---------- ids
        source,
        connector,

        ---------- how far it is
        as_of_date,
        held_back_reason,
        held_back_detail,
        held_back_from,

        ---------- when more is due
        expected_by,
        silent_since,
        silent_streams,
        missing_deliveries
    from statuses
)

select * from renamed
