{#-
  The pricing verdict of an event. A call that did not succeed and used nothing costs nothing whatever its model, and so
  does a management call; any other success without usage is unknown, not free. A refund or a later settlement is its
  own price: what was given back or charged.

  Rulings: docs/decisions/pricing.md, docs/decisions/usage.md#usage-2
-#}
{% macro usage_verdict(list_usd) -%}
    case
        when event_type in ('refund', 'adjustment') then 'settlement'
        when gateway_price_source = 'per_call' then 'priced'
        when input_tokens + output_tokens = 0 and (status != 'success' or call_type in ('{{ managing_call_types() | join("', '") }}'))
            then 'nothing_used'
        when usage_source = 'missing' or {{ list_usd }} is null then 'unpriced'
        else 'priced'
    end
{%- endmacro %}
