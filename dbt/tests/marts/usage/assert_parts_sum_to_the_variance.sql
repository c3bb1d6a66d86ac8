{#- Rulings: docs/decisions/variance.md#variance-2 -#}
-- Fails if a request's parts do not sum to its variance, or are there where it is not.
select event_id
from {{ ref('fct_usage_costs') }}
where
    event_date in {{ unpublished_days('fct_usage_costs') }}
    -- What adjusts a day closed before the parts were kept has none.
    and (adjusts_event_id is null or quantity_variance_usd is not null)
    and (
        {% for part in variance_parts() %}{{ part }}_variance_usd{{ ' + ' if not loop.last }}{% endfor %}
    ) is distinct from cost_variance_usd
