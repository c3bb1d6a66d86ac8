{#-
  Minor units and back. The only place a currency's divisor appears.

  A currency that is not listed has two decimals: Stripe lists the exceptions. Factors are multiplied, never divided, so
  that money stays DECIMAL on every engine.
-#}

{% macro minor_per_major(exponent) -%}
    cast(
        case coalesce({{ exponent }}, 2) when 0 then 1 when 1 then 10 when 2 then 100 when 3 then 1000 when 4 then 10000 end
        as decimal(5, 0)
    )
{%- endmacro %}

{% macro major_per_minor(exponent) -%}
    cast(
        case coalesce({{ exponent }}, 2) when 0 then 1 when 1 then 0.1 when 2 then 0.01 when 3 then 0.001 when 4 then 0.0001 end
        as decimal(5, 4)
    )
{%- endmacro %}

{% macro major_amount(minor, major_per_minor) -%}
    cast(cast({{ minor }} as decimal(18, 0)) * {{ major_per_minor }} as decimal(22, 4))
{%- endmacro %}
