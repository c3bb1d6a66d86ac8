-- Fails if the traffic of a day just built is not that day's calls and tokens, by the minute, the hour and the day.
with requests as (
    select
        event_date,
        count(*) as requests,
        sum(total_tokens) as total_tokens
    from {{ ref('fct_usage_costs') }}
    where event_date in {{ unpublished_days('fct_usage_costs') }} and adjusts_event_id is null
    group by event_date
),

traffic as (
    {%- for mart in ['fct_traffic_minutely', 'fct_traffic_hourly', 'rpt_traffic_daily'] %}
        select
            '{{ mart }}' as mart,
            {{ 'scope' if mart == 'rpt_traffic_daily' else "'all'" }} as scope,
            event_date,
            sum(requests) as requests,
            sum(total_tokens) as total_tokens
        from {{ ref(mart) }}
        where event_date in {{ unpublished_days('fct_usage_costs') }}
        group by all
        {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

compared as (
    select
        requests.event_date,
        count(traffic.mart) as agreeing
    from requests
    left join traffic
        on requests.event_date = traffic.event_date
        and requests.requests = traffic.requests
        and requests.total_tokens = traffic.total_tokens
    group by requests.event_date
)

-- The minutes, the hours, and the day's three scopes.
select * from compared
where agreeing != 5
