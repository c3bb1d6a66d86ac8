{{ config(materialized = 'table') }}

-- One row per workspace and start of a plan; a plan holds until the next one starts.

with plans as (
    select * from {{ raw_table('infery_plans') }}
),

dated as (
    select
        ---------- ids
        concat_ws(':', source, workspace_id, epoch_us(valid_from)) as plan_period_id,
        source,
        workspace_id,
        plan as plan_name,

        ---------- terms
        monthly_credits,
        monthly_credits_expire as has_expiring_credits,

        ---------- timestamps
        valid_from as valid_from_at,
        lead(valid_from) over (
            partition by source, workspace_id
            order by valid_from
        ) as valid_to_at,

        ---------- lineage
        delivered_on,
        raw_file,
        raw_line
    from {{ last_delivery('plans', 'source, workspace_id, valid_from') }}
)

select * from dated
