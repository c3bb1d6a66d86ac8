{#- Rulings: docs/decisions/usage-apis.md -#}
-- One row per usage API, grouping, span and group: the sums of the API and of the logs. The grain is the finest the API
-- gives; a dimension it does not group by is 'all'. A difference is the API's less the logs'.

with windows as (
    select * from {{ ref('rpt_usage_api_windows') }}
),

api_rows as (
    select * from {{ ref('int_usage_api_rows') }}
),

usage_daily as (
    select * from {{ ref('fct_usage_daily') }}
),

api_grouped as (
    select
        windows.window_id,
        case when windows.has_model then coalesce(api_rows.model_served, 'unattributed') else 'all' end as model_served,
        case when windows.has_key then coalesce(api_rows.api_key_id, 'unattributed') else 'all' end as api_key_id,
        case when windows.has_member then coalesce(api_rows.member_id, 'unattributed') else 'all' end as member_id,
        case when windows.has_workspace then coalesce(api_rows.workspace_id, 'unattributed') else 'all' end as workspace_id,
        api_rows.requests,
        api_rows.input_tokens,
        api_rows.cache_read_tokens,
        api_rows.output_tokens,
        api_rows.total_tokens,
        api_rows.credits_used,
        api_rows.cost_usd
    from api_rows
    inner join windows
        on
            api_rows.usage_api = windows.usage_api
            and api_rows.source = windows.source
            and api_rows.grouping_name = windows.grouping_name
            and api_rows.first_date = windows.first_date
            and api_rows.last_date = windows.last_date
),

api_sums as (
    {{ usage_api_sums('api_grouped') }}
),

window_days as (
    select
        window_id,
        usage_api,
        source as reporting_source,
        log_provider,
        has_model,
        has_key,
        has_member,
        has_workspace,
        cast(unnest(generate_series(first_date, last_date, interval 1 day)) as date) as reported_date
    from windows
),

-- A gateway's API sums its own calls, a provider's those of any gateway that the endpoint took. An adjustment of a closed month counts on the day
-- the usage happened, as it does in a report.
logged as (
    select
        window_days.*,
        usage_daily.*
    from window_days
    inner join usage_daily
        on window_days.reporting_source = usage_daily.source and window_days.reported_date = usage_daily.usage_date
    where window_days.log_provider is null
    union all
    select
        window_days.*,
        usage_daily.*
    from window_days
    inner join usage_daily
        on
            window_days.log_provider = usage_daily.provider
            and window_days.reported_date = usage_daily.usage_date
            and coalesce({{ covered_call_type('window_days.usage_api') }} = usage_daily.call_type, true)
),

-- A call that failed is in the logs and in no sum. A provider charges its own list prices. New-API sums by the model that was
-- asked for, wherever the call was mapped to.
log_grouped as (
    select
        window_id,
        case
            when not has_model then 'all'
            when log_provider is not null then coalesce({{ provider_model('model_served') }}, 'unattributed')
            when usage_api = 'new_api' then coalesce(model_requested, 'unattributed')
            else coalesce(model_served, 'unattributed')
        end as model_served,
        case when has_key then coalesce(api_key_id, 'unattributed') else 'all' end as api_key_id,
        case when has_member then coalesce({{ playground_member() }}, 'unattributed') else 'all' end as member_id,
        case when has_workspace then coalesce(workspace_id, 'unattributed') else 'all' end as workspace_id,
        case when status in ('failure', 'timeout') then 0 else requests end as requests,
        input_tokens,
        {{ cached_input_tokens() }} as cache_read_tokens,
        output_tokens,
        total_tokens,
        credits_used,
        case
            when log_provider is null then reported_cost_usd else cache_list_cost_usd
        end as cost_usd
    from logged
),

log_sums as (
    {{ usage_api_sums('log_grouped') }}
),

-- A group missing from an API that reports the measure counts as zero.
measures as (
    select
        window_id,
        count(requests) > 0 as counts_requests,
        count(input_tokens) > 0 as counts_input_tokens,
        count(cache_read_tokens) > 0 as counts_cache_read_tokens,
        count(output_tokens) > 0 as counts_output_tokens,
        count(total_tokens) > 0 as counts_total_tokens,
        count(credits_used) > 0 as counts_credits_used,
        count(cost_usd) > 0 as counts_cost_usd
    from api_grouped
    group by window_id
),

paired as (
    select
        coalesce(api_sums.window_id, log_sums.window_id) as window_id,
        coalesce(api_sums.model_served, log_sums.model_served) as model_served,
        coalesce(api_sums.api_key_id, log_sums.api_key_id) as api_key_id,
        coalesce(api_sums.member_id, log_sums.member_id) as member_id,
        coalesce(api_sums.workspace_id, log_sums.workspace_id) as workspace_id,
        api_sums.requests as api_requests,
        coalesce(log_sums.requests, 0) as log_requests,
        api_sums.input_tokens as api_input_tokens,
        coalesce(log_sums.input_tokens, 0) as log_input_tokens,
        api_sums.cache_read_tokens as api_cache_read_tokens,
        coalesce(log_sums.cache_read_tokens, 0) as log_cache_read_tokens,
        api_sums.output_tokens as api_output_tokens,
        coalesce(log_sums.output_tokens, 0) as log_output_tokens,
        api_sums.total_tokens as api_total_tokens,
        coalesce(log_sums.total_tokens, 0) as log_total_tokens,
        api_sums.credits_used as api_credits_used,
        coalesce(log_sums.credits_used, 0) as log_credits_used,
        api_sums.cost_usd as api_cost_usd,
        coalesce(log_sums.cost_usd, 0) as log_cost_usd
    from api_sums
    full outer join log_sums
        on
            api_sums.window_id = log_sums.window_id
            and api_sums.model_served = log_sums.model_served
            and api_sums.api_key_id = log_sums.api_key_id
            and api_sums.member_id = log_sums.member_id
            and api_sums.workspace_id = log_sums.workspace_id
),

compared as (
    select
        windows.usage_api,
        windows.source,
        windows.log_provider,
        windows.grouping_name,
        windows.first_date,
        windows.last_date,
        windows.is_reported,
        windows.is_open,
        paired.model_served,
        paired.api_key_id,
        paired.member_id,
        paired.workspace_id,
        case when measures.counts_requests then coalesce(paired.api_requests, 0) end as api_requests,
        paired.log_requests,
        case when measures.counts_input_tokens then coalesce(paired.api_input_tokens, 0) end as api_input_tokens,
        paired.log_input_tokens,
        case when measures.counts_cache_read_tokens then coalesce(paired.api_cache_read_tokens, 0) end as api_cache_read_tokens,
        paired.log_cache_read_tokens,
        case when measures.counts_output_tokens then coalesce(paired.api_output_tokens, 0) end as api_output_tokens,
        paired.log_output_tokens,
        case when measures.counts_total_tokens then coalesce(paired.api_total_tokens, 0) end as api_total_tokens,
        paired.log_total_tokens,
        case when measures.counts_credits_used then coalesce(paired.api_credits_used, 0) end as api_credits_used,
        paired.log_credits_used,
        case when measures.counts_cost_usd then coalesce(paired.api_cost_usd, 0) end as api_cost_usd,
        paired.log_cost_usd
    from paired
    inner join windows on paired.window_id = windows.window_id
    left join measures on paired.window_id = measures.window_id
),

differing as (
    select
        compared.*,
        api_requests - log_requests as request_difference,
        api_input_tokens - log_input_tokens as input_token_difference,
        api_cache_read_tokens - log_cache_read_tokens as cache_read_token_difference,
        api_output_tokens - log_output_tokens as output_token_difference,
        api_total_tokens - log_total_tokens as total_token_difference,
        api_credits_used - log_credits_used as credit_difference,
        cast(api_cost_usd - log_cost_usd as decimal(38, 12)) as cost_difference_usd,
        -- What was rounded per request may differ by a millionth of a dollar per request.
        cast(greatest(log_requests, 1) as decimal(18, 0)) * cast(0.000001 as decimal(7, 6)) as rounding_usd
    from compared
),

classified as (
    select
        differing.*,
        case
            when not is_reported or is_open then 'not_reported'
            when request_difference > 0 then 'missing_log'
            when request_difference < 0 then 'duplicate_log'
            when
                input_token_difference <> 0 or cache_read_token_difference <> 0
                or output_token_difference <> 0 or total_token_difference <> 0 then 'token_mismatch'
            when credit_difference <> 0 or abs(cost_difference_usd) > rounding_usd then 'cost_mismatch'
            when cost_difference_usd <> 0 then 'rounding'
            else 'match'
        end as status
    from differing
),

final as (
    select
        ---------- grain
        usage_api,
        source,
        grouping_name,
        first_date as event_date,
        last_date,
        model_served,
        api_key_id,
        member_id,
        workspace_id,
        log_provider,

        ---------- verdict
        status,
        case
            when status = 'not_reported' and not is_reported then 'no_report'
            when status = 'not_reported' then 'open_window'
        end as status_reason,

        api_requests,
        log_requests,
        request_difference,
        api_input_tokens,
        log_input_tokens,
        input_token_difference,
        api_cache_read_tokens,
        log_cache_read_tokens,
        cache_read_token_difference,
        api_output_tokens,
        log_output_tokens,
        output_token_difference,
        api_total_tokens,
        log_total_tokens,
        total_token_difference,
        api_credits_used,
        log_credits_used,
        credit_difference,
        api_cost_usd,
        log_cost_usd,
        cost_difference_usd
    from classified
)

select * from final
