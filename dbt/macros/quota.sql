{#-
  Quota to dollars, exactly. A gateway of the New-API family charges in integer units, `quota_per_unit` of them a dollar.

  Where a dollar's 1e12 picodollars divide evenly by the units, which they do at every usual setting, one unit is a whole
  number of picodollars and the product is exact in BIGINT. Elsewhere the quotient is rounded once, half away from zero,
  at 12 decimals. An amount that money cannot hold is null. `per` is how many parts of a unit `quota` counts.
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
