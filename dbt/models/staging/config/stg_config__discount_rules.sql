with discount_rules as (
    select * from {{ raw_glob('config_discount_rules') }}
),

renamed as (
    select
        ---------- ids
        rule_id,

        ---------- whom and what it is for
        {% for column in discount_subject() -%}
            nullif(trim({{ column }}), '') as {{ column }},
        {% endfor %}

        ---------- the rule
        kind,
        factor,
        min_month_list_usd,
        precedence,
        stacks,
        valid_from,
        valid_to,
        reason,

        ---------- lineage
        config_file,
        config_line
    from discount_rules
)

select * from renamed
