{#-
  Money, exactly. Inside a model money is whole picodollars (1e-12 USD, BIGINT); at the edge it is DECIMAL(18,12).

  A unit price with at most six decimals per million tokens is a whole number of picodollars per token, so tokens × price
  is exact in BIGINT. Prices with more decimals ("fine" prices, up to 18) are whole units of 1e-24 USD per token and take
  the HUGEINT path; both round once, half away from zero, at 12 decimals. Amounts here are never negative.

  Rulings: docs/decisions/pricing.md#pricing-1, docs/decisions/reading.md#reading-1
-#}

{#-
  tokens × unit price, summed; terms are [tokens column, price class], of which `rare` ones are computed only where the
  row `has_rare` tokens. Picodollars; null where the price is fine.
-#}
{% macro picousd(terms, rare, has_rare) -%}
    case when not prices.has_fine_price then
        {%- for tokens, price in terms %} {{ '+ ' if not loop.first }}{{ tokens }} * prices.{{ price }}_picousd{% endfor %}
        + case when {{ has_rare }} then
            {%- for tokens, price in rare %} {{ '+ ' if not loop.first }}{{ tokens }} * prices.{{ price }}_picousd{% endfor %}
        else 0 end
    end
{%- endmacro %}

{#- The same sum in units of 1e-24 USD, only where the price is fine. -#}
{% macro yoctousd(terms, rare, has_rare) -%}
    case when prices.has_fine_price then
        {%- for tokens, price in terms %} {{ '+ ' if not loop.first }}cast({{ tokens }} as hugeint) * cast(prices.{{ price }}_yoctousd as hugeint){% endfor %}
        + case when {{ has_rare }} then
            {%- for tokens, price in rare %} {{ '+ ' if not loop.first }}cast({{ tokens }} as hugeint) * cast(prices.{{ price }}_yoctousd as hugeint){% endfor %}
        else 0 end
    end
{%- endmacro %}

{#- 10^-24 dollars that can still be multiplied by a factor; null above 100,000 dollars, which no call costs. -#}
{% macro within_money(yoctousd) -%}
    case when {{ yoctousd }} <= cast(100000000000000000000000000000 as hugeint) then {{ yoctousd }} end
{%- endmacro %}

{#- One amount in USD from the two sums above, times a factor in millionths. -#}
{% macro usd(picousd, yoctousd, factor_ppm = none) -%}
    {%- if factor_ppm is none -%}
        {%- set narrow = picousd -%}
        {%- set fine = '(' ~ yoctousd ~ ' + 500000000000) // 1000000000000' -%}
    {%- else -%}
        {%- set narrow -%}
            case
                when {{ factor_ppm }} = 1000000 then {{ picousd }}
                when {{ picousd }} < 9000000000000 then ({{ picousd }} * {{ factor_ppm }} + 500000) // 1000000
                else cast((cast({{ picousd }} as hugeint) * {{ factor_ppm }} + 500000) // 1000000 as bigint)
            end
        {%- endset -%}
        {%- set fine = '(' ~ yoctousd ~ ' * ' ~ factor_ppm ~ ' + 500000000000000000) // 1000000000000000000' -%}
    {%- endif -%}
    cast(
        try_cast(coalesce({{ narrow }}, cast({{ fine }} as bigint)) as decimal(18, 0))
        * cast(0.000000000001 as decimal(18, 12)) as decimal(18, 12)
    )
{%- endmacro %}
