-- Fails if a rollup of a day just built does not sum to the requests of that day, to the last digit.
{%- set measures = ['requests', 'total_tokens', 'list_cost_usd', 'cache_optimized_cost_usd', 'reported_cost_usd'] %}

with requests as (
    select
        event_date,
        count(*) as requests,
        sum(total_tokens) as total_tokens,
        coalesce(sum(list_cost_usd), 0) as list_cost_usd,
        coalesce(sum(cache_optimized_cost_usd), 0) as cache_optimized_cost_usd,
        coalesce(sum(reported_cost_usd), 0) as reported_cost_usd
    from {{ ref('fct_usage_costs') }}
    where event_date in {{ unpublished_days('fct_usage_costs') }}
    group by event_date
),

rollups as (
    {%- for rollup in [
        'fct_usage_daily', 'rpt_usage_by_model_daily', 'rpt_usage_by_key_daily', 'rpt_usage_by_member_daily',
    ] %}
        select
            '{{ rollup }}' as rollup,
            event_date
            {%- for measure in measures %},
            sum({{ measure }}) as {{ measure }}
            {%- endfor %}
        from {{ ref(rollup) }}
        group by event_date
        {% if not loop.last %}union all{% endif %}
    {%- endfor %}
)

select
    rollups.rollup,
    requests.event_date
from requests
left join rollups on requests.event_date = rollups.event_date
where
    rollups.rollup is null
    {%- for measure in measures %}
        or requests.{{ measure }} != rollups.{{ measure }}
    {%- endfor %}
