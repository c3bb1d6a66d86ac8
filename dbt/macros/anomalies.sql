{#-
  What detectors take as spend of a row of int_key_model_days, USD: our cost; of a row with calls without a price the
  larger of ours and what the gateway charged.
-#}
{% macro detected_spend_usd(usage) -%}
    case
        when {{ usage }}.unpriced_requests > 0 then greatest({{ usage }}.cost_usd, {{ usage }}.reported_usd)
        else {{ usage }}.cost_usd
    end
{%- endmacro %}
