{#-
  Charges of a New-API log item in addition to tokens: tool calls, and factors of its price.

  Rulings: docs/decisions/copies.md#copies-3, docs/decisions/gateway-prices.md, docs/decisions/usage.md#usage-5
-#}

{#- Tools by the names of their fields. -#}
{% macro charged_tools() -%}
    {{ return(['image_generation', 'web_search', 'file_search', 'code_interpreter', 'google_search']) }}
{%- endmacro %}

{#-
  What tools cost, undiscounted, in picodollars; null if it does not fit the type. Newer builds list them at a price per
  thousand calls. Older ones have fields for each: `_call_price` is for one call, which is assumed without a count, and
  `_price` is for a thousand. Fields of a tool in the list are ignored.
-#}
{% macro tool_surcharge_picousd() -%}
    try_cast(
        coalesce(
            list_sum(list_transform(
                case
                    when json_valid(tool_surcharges)
                        then from_json(tool_surcharges, '[{"price": "decimal(28, 9)", "count": "integer"}]')
                end,
                lambda tool:
                    cast(tool.price * cast(1000000000 as decimal(10, 0)) as hugeint) * cast(tool.count as hugeint)
            )), 0
        )
        {%- for tool in charged_tools() %}
            + case
                when contains(tool_surcharges, '"{{ tool }}') then 0
                else
                    coalesce(
                        {{ whole_picousd(tool ~ '_call_price') }} * greatest(coalesce({{ tool }}_call_count, 1), 0), 0
                    )
                    {%- if tool in ['web_search', 'file_search'] %}
                    + coalesce({{ whole_picousd(tool ~ '_price') }} // 1000 * {{ tool }}_call_count, 0)
                    {%- endif %}
            end
        {%- endfor %} as bigint
    )
{%- endmacro %}

{#- Dollars of up to twelve decimals as whole picodollars. -#}
{% macro whole_picousd(usd) -%}
    cast(cast({{ usd }} as decimal(28, 12)) * cast(1000000000000 as decimal(13, 0)) as hugeint)
{%- endmacro %}

{#-
  The factor of a task's price: the product of its ratios (seconds, size, number of pictures ...). The newest builds
  write them as one object, others each by name, most only into the item's text, with two decimals. A task charged by
  the call is not multiplied. Null without ratios.
-#}
{% macro task_multiplier() -%}
    case
        when contains(content, '按次计费') then null
        when starts_with(other_ratios, '{') then {{ product(numbers_after_colons('other_ratios')) }}
        when
            model_price >= 0
            and coalesce({% for ratio in ['seconds', 'duration', 'n', 'size'] %}try_cast(task_{{ ratio }} as decimal(18, 9)){{ ', ' if not loop.last }}{% endfor %}) > 0
            then {{ product('[coalesce(task_seconds, task_duration), task_n, task_size]') }}
        when contains(content, '计算参数') then {{ product(numbers_after_colons("split_part(content, '计算参数', 2)")) }}
    end
{%- endmacro %}

{% macro numbers_after_colons(words) -%}
    regexp_extract_all({{ words }}, ':\s*"?([0-9][0-9.eE+-]*)"?\s*(?:[,}]|$)', 1)
{%- endmacro %}

{#- The product of those texts that are numbers above 0, of which no task has more than six; null if too large. -#}
{% macro product(texts) -%}
    {%- set numbers -%}
        list_filter(list_transform({{ texts }}, lambda one: try_cast(one as decimal(18, 9))), lambda one: one > 0)
    {%- endset -%}
    {%- set products = ['cast(1 as decimal(18, 9))'] -%}
    {%- for place in range(1, 7) -%}
        {%- do products.append('try_cast(' ~ products[-1] ~ ' * coalesce(' ~ numbers ~ '[' ~ place ~ '], 1) as decimal(18, 9))') -%}
    {%- endfor -%}
    {{ products[-1] }}
{%- endmacro %}

{#- A price or ratio times its factor, if any. -#}
{% macro multiplied(column, type) -%}
    case when price_multiplier is null then {{ column }} else try_cast({{ column }} * price_multiplier as {{ type }}) end
{%- endmacro %}
