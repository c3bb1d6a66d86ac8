{#-
  Rates as one sum over another, in millionths, rounded half away from zero; null where there is nothing to divide by, or
  so little (refunds leave a picodollar) that the rate would have more than twelve digits before the point.
  Whole numbers throughout: `/` would be a double.
-#}

{% macro ratio(numerator, denominator) -%}
    cast(
        try_cast(
            case
                when {{ denominator }} > 0
                    then
                        sign({{ numerator }})
                        * (
                            (abs(cast({{ numerator }} as hugeint)) * 1000000 + cast({{ denominator }} as hugeint) // 2)
                            // cast({{ denominator }} as hugeint)
                        )
            end as decimal(18, 0)
        ) * cast(0.000001 as decimal(7, 6)) as decimal(18, 6)
    )
{%- endmacro %}

{#- Summed USD as whole picodollars, up to 10^14 USD. -#}
{% macro picodollars(usd) -%}
    cast(cast({{ usd }} as decimal(38, 12)) * cast(1000000000000 as decimal(13, 0)) as hugeint)
{%- endmacro %}

{% macro usd_ratio(numerator, denominator) -%}
    {{ ratio(picodollars(numerator), picodollars(denominator)) }}
{%- endmacro %}

{#- An amount times one whole number over another, rounded half away from zero at 12 decimals. -#}
{% macro prorated(amount, numerator, denominator) -%}
    cast(
        cast(
            case
                when {{ denominator }} > 0
                    then
                        sign({{ amount }})
                        * (
                            (abs({{ picodollars(amount) }}) * {{ numerator }} + cast({{ denominator }} as hugeint) // 2)
                            // cast({{ denominator }} as hugeint)
                        )
            end as decimal(38, 0)
        ) * cast(0.000000000001 as decimal(12, 12)) as decimal(38, 12)
    )
{%- endmacro %}

{#-
  One sum of USD over another with 18 decimals, half away from zero, by long division in two steps of nine digits; null
  where there is nothing to divide by, or so little that the quotient would have more than twelve digits before the
  point.
-#}
{% macro usd_factor(numerator, denominator) -%}
    {%- set dividend = 'abs(' ~ picodollars(numerator) ~ ')' -%}
    {%- set divisor = picodollars(denominator) -%}
    cast(
        case
            when {{ denominator }} > 0 and {{ dividend }} // {{ divisor }} < 1000000000000
                then
                    sign({{ numerator }})
                    * (
                        {{ dividend }} * 1000000000 // {{ divisor }} * 1000000000
                        + ({{ dividend }} * 1000000000 % {{ divisor }} * 1000000000 + {{ divisor }} // 2) // {{ divisor }}
                    )
        end as decimal(38, 0)
    ) * cast(0.000000000000000001 as decimal(18, 18))
{%- endmacro %}
