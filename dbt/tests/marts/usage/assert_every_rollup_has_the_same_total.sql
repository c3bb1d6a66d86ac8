{#- Rulings: docs/decisions/pricing.md#pricing-1 -#}
-- Fails if a rollup of a day just built does not sum to the requests of that day, to the last digit.
{%- set measures = ['requests', 'unpriced_requests'] + usage_token_columns() + usage_cost_columns() + ['credits_used'] %}

with usage_costs as (
    select
        *,
        {{ counted_requests() }} as requests,
        case when unpriced_reason is not null then 1 else 0 end as unpriced_requests
    from {{ ref('fct_usage_costs') }}
    where event_date in {{ unpublished_days('fct_usage_costs') }}
),

requests as (
    select
        event_date
        {%- for measure in measures %},
        coalesce(sum({{ measure }}), 0) as {{ measure }}
        {%- endfor %}
    from usage_costs
    group by event_date
),

rollups as (
    {%- for rollup in [
        'fct_usage_daily', 'rpt_usage_by_model_daily', 'rpt_usage_by_key_daily', 'rpt_usage_by_member_daily',
        'rpt_usage_by_group_daily', 'rpt_usage_by_workspace_daily', 'rpt_usage_by_call_type_daily',
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
