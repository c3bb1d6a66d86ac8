{{ config(materialized = 'table') }}

-- One row per UTC day, project, line item and key, as last delivered. What finance is billed; it need not follow from usage.

with results as (
    select * from {{ raw_table('openai_costs') }}
),

named as (
    select
        *,
        concat_ws(
            '|', source, start_time, end_time, coalesce(project_id, ''), coalesce(line_item, ''), coalesce(api_key_id, ''),
            coalesce(currency, '')
        ) as bucket
    from results
),

renamed as (
    select
        ---------- ids
        md5(bucket) as bucket_id,
        source,
        project_id,
        line_item,
        api_key_id,

        ---------- day, end exclusive
        start_time as period_start_at,
        end_time as period_end_at,

        ---------- money
        currency,
        amount,
        case when currency = 'usd' then amount end as cost_usd,
        quantity,
        quantity_unit,

        ---------- lineage
        delivered_on,
        raw_file,
        raw_line
    from {{ last_delivery('named', 'bucket', most = ['amount']) }}
)

select * from renamed
