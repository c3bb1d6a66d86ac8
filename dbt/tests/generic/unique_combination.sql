{#- Rulings: docs/decisions/runs.md#runs-4 -#}
{#- Fails if two rows of the model agree on every one of `columns`; nulls agree with nulls. -#}
{% test unique_combination(model, columns) %}

with repeated as (
    select
        {{ columns | join(',\n        ') }},
        count(*) as row_count
    from {{ model }}
    group by
        {{ columns | join(',\n        ') }}
    having count(*) > 1
)

select * from repeated

{% endtest %}
