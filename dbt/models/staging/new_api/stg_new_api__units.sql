{%- set default_units = 500000 -%}

-- How to read each source, by sources.yml or the family's default: the value of a unit of quota and from when (an administrator
-- may change it any day), which end of a call its time is, how tokens are counted, how a charge is rounded.
with sources as (
    select * from {{ ref('stg_config__sources') }}
    where connector in ('new_api', 'aisa', 'tokenopen', 'one_api')
),

periods as (
    select
        *,
        cast(coalesce(quota_per_unit, {{ default_units }}) as bigint) as units_per_usd,
        row_number() over (
            partition by source
            order by quota_valid_from nulls first
        ) as period
    from sources
),

units as (
    select
        source,
        connector,
        coalesce(time_basis, case when connector = 'tokenopen' then 'start' else 'end' end) as time_basis,
        coalesce(usage_semantic, 'openai') as default_semantic,
        coalesce(charge_rounding, case when connector = 'one_api' then 'up' else 'half_away' end) as charge_rounding,
        coalesce(trusted_ids, false) as trusted_ids,
        units_per_usd as quota_per_unit,
        case when 1000000000000 % units_per_usd = 0 then cast(1000000000000 // units_per_usd as bigint) end
            as picousd_per_quota,
        case when 1000000000000 % units_per_usd = 0 then 999999999999999999 // (1000000000000 // units_per_usd) end
            as largest_quota,
        -- Before the first day that was stated the first value held.
        case when period = 1 then date '0001-01-01' else quota_valid_from end as valid_from,
        coalesce(quota_valid_to, date '9999-12-31') as valid_to
    from periods
)

select * from units
