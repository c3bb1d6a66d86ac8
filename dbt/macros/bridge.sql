{#- What lies between the invoices of a month and the money of that month, in the order it is told. -#}
{% macro bridge_parts() -%}
    {{ return([
        'invoiced', 'credited', 'settled_otherwise', 'paid_for_other_months', 'without_invoice', 'overpaid', 'unpaid',
        'timing', 'paid_in_other_months', 'refunded', 'disputed',
    ]) }}
{%- endmacro %}
