{#- Rulings: docs/decisions/reports.md#reports-2 -#}
{#- A served model with its provider prefix. -#}
{% macro model_name() -%}
    case
        when provider = '' or starts_with(model_served, concat(provider, '/')) then model_served
        else concat(provider, '/', model_served)
    end
{%- endmacro %}

{#-
  Scopes of usage: scope → [workspace, subject], each an expression over rows like fct_usage_daily's. The names are
  those of config/budgets.csv.
-#}
{% macro usage_scopes() -%}
    {{ return({
        'all': ['cast(null as varchar)', "'all'"],
        'workspace': ['workspace_id', 'workspace_id'],
        'api_key': ['workspace_id', 'api_key_id'],
        'member': ['workspace_id', playground_member()],
        'group': ['workspace_id', 'group_name'],
        'model': ['cast(null as varchar)', model_name()],
    }) }}
{%- endmacro %}

{#- Hours of the windows that end with the data. -#}
{% macro rolling_windows() -%}
    {{ return({'last_24_hours': 24, 'last_7_days': 168, 'last_30_days': 720}) }}
{%- endmacro %}

{#- What the windows begin with that hold the day of the last request, in the zone a source bills by; weeks begin on Monday. -#}
{% macro calendar_windows() -%}
    {{ return({'today': 'day', 'this_week': 'week', 'month_to_date': 'month'}) }}
{%- endmacro %}

{#-
  The UTC days on which a rolling window begins, of any source, as date literals: only their requests are read one by one,
  and only literals keep the other days' files closed.
-#}
{% macro window_edge_days() -%}
    {%- set usage_daily = ref('fct_usage_daily') -%}
    {%- set days = [] -%}
    {%- if execute -%}
        {%- set edges -%}
            select distinct cast(cast(seen.as_of - to_hours(hours) as date) as varchar)
            from (select max(last_seen_at) as as_of from {{ usage_daily }} group by source) as seen
            cross join (select unnest({{ rolling_windows().values() | list }}) as hours) as windows
            order by all
        {%- endset -%}
        {%- for row in run_query(edges).rows -%}
            {%- do days.append("date '" ~ row[0] ~ "'") -%}
        {%- endfor -%}
    {%- endif -%}
    {{ (days or ['cast(null as date)']) | join(', ') }}
{%- endmacro %}
