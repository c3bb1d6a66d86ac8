{#-
  Latencies that can be added up. A value is counted in a bucket named after the largest whole millisecond in it: values
  below 64 have a bucket each, above that every power of two is cut into 32. Counts of the same bucket add up over hours,
  models and workspaces, so percentiles of any of them follow without the requests: at most 1/32 above the exact one
  (the nearest rank), never below it. Whole numbers only, so that every engine fills the same buckets.

  Rulings: docs/decisions/reports.md#reports-5
-#}

{% macro latency_bucket(milliseconds) -%}
    case
        when {{ milliseconds }} < 64 then {{ milliseconds }}
        {%- for bits in range(7, 33) %}
        when {{ milliseconds }} < {{ 2 ** bits }} then {{ milliseconds }} - {{ milliseconds }} % {{ 2 ** (bits - 6) }} + {{ 2 ** (bits - 6) - 1 }}
        {%- endfor %}
        else {{ 2 ** 32 }}
    end
{%- endmacro %}

{% macro latency_metrics() -%}
    {{ return({'duration': 'duration_ms', 'ttft': 'ttft_ms', 'gateway_overhead': 'gateway_overhead_ms'}) }}
{%- endmacro %}

{% macro latency_percentiles() -%}
    {{ return([50, 90, 95, 99]) }}
{%- endmacro %}

{% macro latency_percentile_columns() -%}
    {%- set columns = [] -%}
    {%- for metric in latency_metrics() -%}
        {%- for percentile in latency_percentiles() -%}
            {%- do columns.append(metric ~ '_p' ~ percentile ~ '_ms') -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}

{#- One row per `dimensions` with every percentile, from `buckets`: rows like fct_latency_hourly's. -#}
{% macro latencies_from_buckets(buckets, dimensions) -%}
    select
        {{ dimensions | join(', ') }}
        {%- for metric in latency_metrics() %}
            {%- for percentile in latency_percentiles() %},
        min(case when metric = '{{ metric }}' and up_to * 100 >= measured * {{ percentile }} then bucket_ms end) as {{ metric }}_p{{ percentile }}_ms
            {%- endfor %}
        {%- endfor %}
    from (
        select
            {{ dimensions | join(', ') }},
            metric,
            bucket_ms,
            sum(sum(requests)) over (
                partition by {{ dimensions | join(', ') }}, metric
                order by bucket_ms
                rows between unbounded preceding and current row
            ) as up_to,
            sum(sum(requests)) over (partition by {{ dimensions | join(', ') }}, metric) as measured
        from {{ buckets }}
        group by {{ dimensions | join(', ') }}, metric, bucket_ms
    ) as cumulated
    group by {{ dimensions | join(', ') }}
{%- endmacro %}
