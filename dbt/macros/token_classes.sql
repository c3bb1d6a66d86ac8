{#- The token classes a model has unit prices for, in the order in which they are shown. -#}
{% macro priced_classes() %}
    {{ return([
        'input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output', 'output_reasoning',
        'input_audio', 'output_audio', 'input_image', 'output_image', 'requests', 'web_searches',
    ]) }}
{% endmacro %}
