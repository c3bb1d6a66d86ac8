{#- Rulings: docs/decisions/usage-apis.md#usage-apis-3 -#}
{{ config(materialized = 'table') }}

-- The rows of usage and cost APIs, in one shape. A gateway's API is compared with the gateway's own logs, a provider's
-- with the calls of that provider through any gateway; its keys and projects are not those of a gateway, and its models
-- are compared without the date of their snapshot.

with infery as (
    select
        'infery' as usage_api,
        source,
        cast(null as varchar) as log_provider,
        grouping_name,
        period_start_at,
        period_end_at,
        model_served,
        api_key_id,
        member_id,
        cast(null as varchar) as workspace_id,
        cast(request_count as bigint) as requests,
        cast(input_tokens as bigint) as input_tokens,
        cast(null as bigint) as cache_read_tokens,
        cast(output_tokens as bigint) as output_tokens,
        cast(null as bigint) as total_tokens,
        cast(credits_used as bigint) as credits_used,
        cast(null as decimal(38, 12)) as cost_usd
    from {{ ref('stg_infery__usage_api_grouped') }}
),

new_api as (
    select
        'new_api' as usage_api,
        source,
        cast(null as varchar) as log_provider,
        'hour' as grouping_name,
        cast(event_date as timestamp) as period_start_at,
        cast({{ dbt.dateadd('day', 1, 'event_date') }} as timestamp) as period_end_at,
        model_requested as model_served,
        api_key_id,
        cast(null as varchar) as member_id,
        cast(null as varchar) as workspace_id,
        cast(requests as bigint) as requests,
        cast(null as bigint) as input_tokens,
        cast(null as bigint) as cache_read_tokens,
        cast(null as bigint) as output_tokens,
        cast(total_tokens as bigint) as total_tokens,
        cast(null as bigint) as credits_used,
        cast(reported_cost_usd as decimal(38, 12)) as cost_usd
    from {{ ref('stg_new_api__usage_hours') }}
),

-- Its cached tokens count answers replayed from OpenRouter's own cache as well, which no call read.
openrouter as (
    select
        'openrouter' as usage_api,
        source,
        cast(null as varchar) as log_provider,
        'activity' as grouping_name,
        cast(activity_date as timestamp) as period_start_at,
        cast({{ dbt.dateadd('day', 1, 'activity_date') }} as timestamp) as period_end_at,
        model_served,
        cast(null as varchar) as api_key_id,
        cast(null as varchar) as member_id,
        workspace_id,
        cast(request_count as bigint) as requests,
        cast(input_tokens as bigint) as input_tokens,
        cast(null as bigint) as cache_read_tokens,
        cast(output_tokens as bigint) as output_tokens,
        cast(null as bigint) as total_tokens,
        cast(null as bigint) as credits_used,
        cast(coalesce(charged_cost_usd, 0) + coalesce(byok_cost_usd, 0) as decimal(38, 12)) as cost_usd
    from {{ ref('stg_openrouter__activity') }}
),

-- Audio, images and files are counted in other units than calls and tokens. Each endpoint sums its own calls.
openai as (
    select
        case usage_kind when 'completions' then 'openai' else 'openai_embeddings' end as usage_api,
        source,
        'openai' as log_provider,
        'usage' as grouping_name,
        period_start_at,
        period_end_at,
        {{ provider_model('model_served') }} as model_served,
        cast(null as varchar) as api_key_id,
        cast(null as varchar) as member_id,
        cast(null as varchar) as workspace_id,
        cast(request_count as bigint) as requests,
        cast(input_tokens as bigint) as input_tokens,
        cast(cache_read_tokens as bigint) as cache_read_tokens,
        cast(output_tokens as bigint) as output_tokens,
        cast(null as bigint) as total_tokens,
        cast(null as bigint) as credits_used,
        cast(null as decimal(38, 12)) as cost_usd
    from {{ ref('stg_openai__usage') }}
    where usage_kind in ('completions', 'embeddings')
),

anthropic as (
    select
        'anthropic' as usage_api,
        source,
        'anthropic' as log_provider,
        'usage' as grouping_name,
        period_start_at,
        period_end_at,
        {{ provider_model('model_served') }} as model_served,
        cast(null as varchar) as api_key_id,
        cast(null as varchar) as member_id,
        cast(null as varchar) as workspace_id,
        cast(null as bigint) as requests,
        cast(input_tokens as bigint) as input_tokens,
        cast(cache_read_tokens as bigint) as cache_read_tokens,
        cast(output_tokens as bigint) as output_tokens,
        cast(null as bigint) as total_tokens,
        cast(null as bigint) as credits_used,
        cast(null as decimal(38, 12)) as cost_usd
    from {{ ref('stg_anthropic__usage') }}
),

bills as (
    select
        'openai_costs' as usage_api,
        source,
        'openai' as log_provider,
        period_start_at,
        period_end_at,
        cost_usd
    from {{ ref('stg_openai__costs') }}
    union all
    select
        'anthropic_costs' as usage_api,
        source,
        'anthropic' as log_provider,
        period_start_at,
        period_end_at,
        cost_usd
    from {{ ref('stg_anthropic__costs') }}
),

provider_bills as (
    select
        usage_api,
        source,
        log_provider,
        'costs' as grouping_name,
        period_start_at,
        period_end_at,
        cast(null as varchar) as model_served,
        cast(null as varchar) as api_key_id,
        cast(null as varchar) as member_id,
        cast(null as varchar) as workspace_id,
        cast(null as bigint) as requests,
        cast(null as bigint) as input_tokens,
        cast(null as bigint) as cache_read_tokens,
        cast(null as bigint) as output_tokens,
        cast(null as bigint) as total_tokens,
        cast(null as bigint) as credits_used,
        cast(cost_usd as decimal(38, 12)) as cost_usd
    from bills
),

unioned as (
    select * from infery
    union all
    select * from new_api
    union all
    select * from openrouter
    union all
    select * from openai
    union all
    select * from anthropic
    union all
    select * from provider_bills
),

-- A span that ends at midnight ends on the day before.
dated as (
    select
        unioned.*,
        cast(period_start_at as date) as first_date,
        greatest(cast(period_start_at as date), cast(period_end_at - interval 1 microsecond as date)) as last_date
    from unioned
)

select * from dated
