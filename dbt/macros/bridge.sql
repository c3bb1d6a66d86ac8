{#- The parts between a month's invoices and its money received, in the order of the report. -#}
{% macro bridge_parts() -%}
    {{ return([
        'invoiced', 'credited', 'settled_otherwise', 'paid_for_other_months', 'without_invoice', 'overpaid', 'unpaid',
        'timing', 'paid_in_other_months', 'refunded', 'disputed',
    ]) }}
{%- endmacro %}
