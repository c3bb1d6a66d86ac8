{#-
  Quota to dollars, exactly. A gateway of the New-API family charges in integer units, `quota_per_unit` of them a dollar.

  Where a dollar's 1e12 picodollars divide evenly by the units, which they do at every usual setting, one unit is a whole
  number of picodollars and the product is exact in BIGINT. Elsewhere the quotient is rounded once, half away from zero,
  at 12 decimals. An amount that money cannot hold is null. `per` is how many parts of a unit `quota` counts.

  Rulings: docs/decisions/gateway-prices.md#gateway-prices-2
-#}
{% macro quota_usd(quota, units, per = 1) -%}
    cast(
        try_cast(
            case
                when {{ units }}.picousd_per_quota is not null and {{ per }} = 1 and abs({{ quota }}) <= {{ units }}.largest_quota
                    then {{ quota }} * {{ units }}.picousd_per_quota
                else try_cast(
                    sign({{ quota }}) * (
                        (2 * cast(abs({{ quota }}) as hugeint) * 1000000000000 + {{ units }}.quota_per_unit * {{ per }})
                        // (2 * {{ units }}.quota_per_unit * {{ per }})
                    ) as bigint
                )
            end as decimal(18, 0)
        ) * cast(0.000000000001 as decimal(18, 12)) as decimal(18, 12)
    )
{%- endmacro %}

{#- tokens × ratio, summed, in 10^-9 plain input tokens; terms are [tokens, ratio]. A missing ratio is 1. -#}
{% macro ratio_units(terms) -%}
    {%- for tokens, ratio in terms %}
        {{- ' + ' if not loop.first }}{{ tokens }} * {% if ratio == '1' -%}
            cast(1000000000 as hugeint)
        {%- else -%}
            cast(cast(coalesce({{ ratio }}, 1) as decimal(28, 9)) * cast(1000000000 as decimal(10, 0)) as hugeint)
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{#- Weight × model ratio in 10^-18 units of quota; null above 100,000 dollars, which no call costs. -#}
{% macro weighted_quota(weight, model_ratio_units, quota_per_unit) -%}
    case
        when
            {{ weight }} <= least(
                {{ quota_per_unit }} * cast(100000000000000000000000 as hugeint), cast(100000000000000000000000000000000 as hugeint)
            ) // greatest({{ model_ratio_units }}, 1)
            then {{ weight }} * {{ model_ratio_units }}
    end
{%- endmacro %}

{#- A ratio in dollars per million tokens; of an infinite decimal the first 18 digits. Null above a million,
  and below zero. -#}
{% macro ratio_usd_per_mtok(model_ratio_units, ratio, quota_per_unit) -%}
    {%- set product = model_ratio_units ~ ' * ' ~ ratio_units([['1', ratio]]) -%}
    cast(
        cast(
            case
                when
                    {{ product }} >= 0
                    and {{ product }} < least({{ quota_per_unit }} * cast(1000000000000000000 as hugeint), cast(100000000000000000000000000000000 as hugeint))
                    then {{ product }} * 1000000 // {{ quota_per_unit }}
            end as decimal(24, 0)
        ) * cast(0.000000000000000001 as decimal(18, 18)) as decimal(24, 18)
    )
{%- endmacro %}

{#- A fraction as a whole number: half_away (from zero, at .5), up or down (away from zero and towards it). -#}
{% macro rounded(numerator, denominator, rounding) -%}
    case {{ rounding }}
        when 'up' then sign({{ numerator }}) * ((abs({{ numerator }}) + {{ denominator }} - 1) // {{ denominator }})
        when 'down' then sign({{ numerator }}) * (abs({{ numerator }}) // {{ denominator }})
        else sign({{ numerator }}) * ((2 * abs({{ numerator }}) + {{ denominator }}) // (2 * {{ denominator }}))
    end
{%- endmacro %}

{#- 10^-18 units of quota × the group's ratio, as the whole quota a gateway charges. -#}
{% macro whole_quota(quota_parts, group_ratio, rounding, minimum) -%}
    {%- set group_units = ratio_units([['1', group_ratio]]) -%}
    try_cast(
        case
            when {{ quota_parts }} <= cast(80000000000000000000000000000000000000 as hugeint) // greatest({{ group_units }}, 1)
                then greatest(
                    {{ rounded('(' ~ quota_parts ~ ' * ' ~ group_units ~ ')', 'cast(1000000000000000000000000000 as hugeint)', rounding) }},
                    {{ minimum }}
                )
        end as bigint
    )
{%- endmacro %}
