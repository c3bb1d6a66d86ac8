{{ config(materialized = 'table') }}

-- One row per UTC day, model, endpoint, provider and workspace, as last delivered.

with activity as (
    select * from {{ raw_table('openrouter_activity') }}
),

named as (
    select
        *,
        concat_ws(
            '|', source, activity_date, coalesce(model, ''), coalesce(model_permaslug, ''), coalesce(endpoint_id, ''),
            coalesce(provider_name, ''), coalesce(workspace_id, '')
        ) as bucket
    from activity
),

renamed as (
    select
        ---------- ids
        md5(bucket) as bucket_id,
        source,
        model as model_served,
        model_permaslug,
        endpoint_id,
        provider_name as provider,
        workspace_id,

        ---------- day
        activity_date,

        ---------- sums
        requests as request_count,
        prompt_tokens as input_tokens,
        -- More may be read from OpenRouter's response cache than was sent, so this is no part of input_tokens.
        cached_tokens as cache_read_tokens,
        completion_tokens as output_tokens,
        reasoning_tokens,
        usage_usd as charged_cost_usd,
        byok_usage_inference as byok_cost_usd,

        ---------- lineage
        delivered_on,
        raw_file,
        raw_line
    from {{ last_delivery('named', 'bucket', most = ['requests', 'usage_usd']) }}
)

select * from renamed
