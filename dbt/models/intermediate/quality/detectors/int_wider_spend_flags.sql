{#- Rulings: docs/decisions/anomalies.md#anomalies-1 -#}
{{ config(materialized = 'ephemeral') }}

-- Days on which a member, a workspace or a model spends out of the ordinary and no key of it explains it: neither the
-- keys that were flagged in the last three weeks nor any single key make up half of it.

with subject_days as (
    select * from {{ ref('int_subject_days') }}
),

residuals as (
    select * from {{ ref('int_subject_residuals') }}
    where measure = 'spend'
),

settings as (
    select * from {{ ref('int_anomaly_settings') }}
),

wider_days as (
    select
        spend_days.*,
        subject_days.source,
        subject_days.workspace_id,
        subject_days.subject_id
    from {{ ref('int_daily_spend_days') }} as spend_days
    inner join subject_days
        on spend_days.subject_number = subject_days.subject_number
        and spend_days.event_date = subject_days.event_date
    where spend_days.subject_type != 'key'
),

key_flags as (
    select
        subject_number,
        event_date
    from {{ ref('int_daily_spend_days') }}
    where subject_type = 'key'
    union all
    select
        subject_number,
        event_date
    from {{ ref('int_new_spender_flags') }}
    union all
    select
        subject_number,
        event_date
    from {{ ref('int_sparse_burst_flags') }}
    union all
    select
        subject_number,
        event_date
    from {{ ref('int_slow_leak_flags') }}
),

usual_spend as (
    select
        subject_number,
        event_date,
        spend_usd,
        sum(spend_usd) over (
            partition by subject_number order by event_date asc rows between 28 preceding and 1 preceding
        ) / 28 as mean_usd
    from subject_days
    where subject_type = 'key'
),

keys as (
    select distinct
        subject_number as key_number,
        source,
        workspace_id,
        subject_id as api_key_id
    from subject_days
    where subject_type = 'key'
),

-- The keys that used the wider subject in the four weeks before.
keys_of_wider as (
    select distinct
        wider_days.subject_number,
        wider_days.event_date,
        keys.key_number
    from wider_days
    inner join {{ ref('int_key_model_days') }} as usage
        on wider_days.source = usage.source
        and wider_days.event_date between usage.usage_date and usage.usage_date + 28
        and case wider_days.subject_type
            when 'member' then wider_days.workspace_id = usage.workspace_id and wider_days.subject_id = usage.member_id
            when 'workspace' then wider_days.workspace_id = usage.workspace_id
            else wider_days.subject_id = usage.model_served
        end
    inner join keys
        on usage.source = keys.source
        and usage.workspace_id = keys.workspace_id
        and usage.api_key_id = keys.api_key_id
),

-- How far each of them is from its level of eight weeks.
moves as (
    select
        keys_of_wider.subject_number,
        keys_of_wider.event_date,
        keys_of_wider.key_number,
        usual_spend.spend_usd
        - coalesce(exp(residuals.y - residuals.off_long) - settings.log_offset_usd, usual_spend.mean_usd, 0) as moved_usd,
        mix.moved_share,
        exists(
            select 1
            from key_flags
            where
                key_flags.subject_number = keys_of_wider.key_number
                and key_flags.event_date between keys_of_wider.event_date - 21 and keys_of_wider.event_date + 3
        ) as is_flagged
    from keys_of_wider
    inner join usual_spend
        on keys_of_wider.key_number = usual_spend.subject_number
        and keys_of_wider.event_date = usual_spend.event_date
    cross join settings
    left join residuals
        on keys_of_wider.key_number = residuals.subject_number and keys_of_wider.event_date = residuals.event_date
    left join {{ ref('int_model_mix_days') }} as mix
        on keys_of_wider.key_number = mix.subject_number and keys_of_wider.event_date = mix.event_date
),

-- What flagged keys explain, or one key alone, which its own judgement found ordinary.
explained as (
    select
        wider_days.subject_number,
        wider_days.event_date,
        greatest(
            sum(case when moves.is_flagged then moves.moved_usd * sign(wider_days.score) else 0 end),
            max(moves.moved_usd * sign(wider_days.score))
        ) as explained_usd,
        max(moves.moved_share) as moved_share
    from wider_days
    inner join moves
        on wider_days.subject_number = moves.subject_number
        and wider_days.event_date = moves.event_date
    group by wider_days.subject_number, wider_days.event_date
),

unexplained as (
    select
        wider_days.*,
        count(*) filter (where wider_days.subject_type = 'member') over workspace_days as members,
        count(*) filter (where wider_days.subject_type = 'workspace') over workspace_days as workspaces,
        count(*) filter (where wider_days.subject_type != 'model') over source_days as others
    from wider_days
    inner join explained
        on wider_days.subject_number = explained.subject_number
        and wider_days.event_date = explained.event_date
    where
        explained.explained_usd < 0.5 * abs(wider_days.seen_usd - wider_days.expected_usd)
        and not (wider_days.subject_type = 'model' and coalesce(explained.moved_share, 0) >= 0.12)
    window
        workspace_days as (partition by wider_days.source, wider_days.workspace_id, wider_days.event_date),
        source_days as (partition by wider_days.source, wider_days.event_date)
),

-- One event is one incident: of the member, if it is one alone; else of the workspace; else of the model.
final as (
    select
        'daily_spend' as detector,
        subject_number,
        event_date,
        direction,
        expected_usd,
        seen_usd,
        score,
        'no single key explains it' as finding
    from unexplained
    where
        case subject_type
            when 'member' then members = 1 or workspaces = 0
            when 'workspace' then members != 1
            else others = 0
        end
)

select * from final
