{{ config(materialized = 'table') }}

-- One row per UTC day, workspace and description, as last delivered. Amounts come as text in cents, with a fraction:
-- "123.45" is $1.2345.

with results as (
    select * from {{ raw_table('anthropic_costs') }}
),

named as (
    select
        *,
        concat_ws(
            '|', source, starting_at, ending_at, coalesce(workspace_id, ''), coalesce(description, ''), coalesce(cost_type, ''),
            coalesce(token_type, ''), coalesce(model, ''), coalesce(service_tier, ''), coalesce(context_window, ''),
            coalesce(inference_geo, ''), coalesce(speed, ''), coalesce(currency, '')
        ) as bucket
    from results
),

renamed as (
    select
        ---------- ids: no workspace is the default one
        md5(bucket) as bucket_id,
        source,
        workspace_id,
        description,
        cost_type,
        token_type,
        model as model_served,
        service_tier,
        context_window,
        inference_geo,
        speed,

        ---------- day, end exclusive
        starting_at as period_start_at,
        ending_at as period_end_at,

        ---------- money
        currency,
        amount_cents,
        case
            when currency = 'usd' then cast(amount_cents * cast(0.01 as decimal(3, 2)) as decimal(24, 12))
        end as cost_usd,

        ---------- lineage
        delivered_on,
        raw_file,
        raw_line
    from {{ last_delivery('named', 'bucket', most = ['amount_cents']) }}
)

select * from renamed
