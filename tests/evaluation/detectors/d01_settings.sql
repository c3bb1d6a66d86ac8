-- One row: every threshold of the detectors.
select
    3.8 as sigma_threshold,
    0.04 as sigma_floor,
    0.5 as request_scatter,
    1.2 as count_scatter,
    1.0 as spend_floor_usd,
    0.1 as log_offset_usd
