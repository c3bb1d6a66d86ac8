{#- Rulings: docs/decisions/closing.md#closing-4 -#}
{#- Shared by the models of the spend detector: what counts as spend, and which days a day is compared with. -#}

{#- Rows of fct_usage_daily summed: cache-optimized cost, or the gateway's charge for usage without a price, if that is
more. -#}
{% macro spend_of_usage() -%}
    cast(sum(
            case
                when unpriced_requests > 0 then greatest(cache_optimized_cost_usd, reported_cost_usd)
                else cache_optimized_cost_usd
            end
        ) as decimal(38, 12))
{%- endmacro %}

{% macro is_same_key(one, other) -%}
    {{ one }}.source = {{ other }}.source
        and {{ one }}.workspace_id = {{ other }}.workspace_id
        and {{ one }}.api_key_id = {{ other }}.api_key_id
{%- endmacro %}

{#- Whether `past` is one of the key's last eight days with the weekday of `today`, excluding `today`. -#}
{% macro is_same_weekday_before(past, today) -%}
    {{ past }}.weekday = {{ today }}.weekday
        and {{ past }}.weekday_number < {{ today }}.weekday_number
        and {{ past }}.weekday_number >= {{ today }}.weekday_number - 8
{%- endmacro %}

{#- Whether `past` is one of the 28 days of the key before `today`. -#}
{% macro is_recent_before(past, today) -%}
    {{ past }}.day_number < {{ today }}.day_number
        and {{ past }}.day_number >= {{ today }}.day_number - 28
{%- endmacro %}
