{#- Rulings: docs/decisions/usage-apis.md -#}
{#- The only call type whose calls `usage_api` sums; null where it sums all of them. -#}
{% macro covered_call_type(usage_api) -%}
    case {{ usage_api }} when 'openai' then 'chat' when 'openai_embeddings' then 'embeddings' when 'anthropic' then 'chat' end
{%- endmacro %}

{#- A model's name without the provider prefix of gateways and without the date of a snapshot. -#}
{% macro provider_model(model) -%}
    regexp_replace(substr({{ model }}, strpos({{ model }}, '/') + 1), '-([0-9]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2})$', '')
{%- endmacro %}

{#- Sums of `relation`, one row per window and group, the same for an API's rows and the logs'. -#}
{% macro usage_api_sums(relation) -%}
    select
        window_id,
        model_served,
        api_key_id,
        member_id,
        workspace_id,
        {% for count in ['requests', 'input_tokens', 'cache_read_tokens', 'output_tokens', 'total_tokens', 'credits_used'] -%}
            cast(sum({{ count }}) as bigint) as {{ count }},
        {% endfor -%}
        cast(sum(cost_usd) as decimal(38, 12)) as cost_usd
    from {{ relation }}
    group by window_id, model_served, api_key_id, member_id, workspace_id
{%- endmacro %}
