{{ config(materialized = 'table') }}

-- One row per window, grouping and member of the group, as last delivered. Sums of calls, never calls themselves: the same
-- calls are in every grouping, so rows of two groupings must not be added.

with buckets as (
    select * from {{ raw_table('infery_usage_api_grouped') }}
),

named as (
    select
        *,
        concat_ws(
            '|', source, group_by, period_start, period_end, coalesce(model, ''), coalesce(api_key_id, ''),
            coalesce(member_id, '')
        ) as bucket
    from buckets
),

renamed as (
    select
        ---------- ids
        md5(bucket) as bucket_id,
        source,
        group_by as grouping_name,
        model as model_served,
        api_key_id,
        member_id,

        ---------- window
        period_start as period_start_at,
        period_end as period_end_at,

        ---------- sums
        requests as request_count,
        prompt_tokens as input_tokens,
        completion_tokens as output_tokens,
        credits_used,

        ---------- lineage
        delivered_on,
        raw_file,
        raw_line
    from {{ last_delivery('named', 'bucket', most = ['requests', 'credits_used']) }}
)

select * from renamed
