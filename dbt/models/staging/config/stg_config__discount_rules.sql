with discount_rules as (
    select * from {{ raw_glob('config_discount_rules') }}
),

renamed as (
    select
        ---------- ids
        -- A row keeps its id when lines are added above it.
        md5(concat_ws(
            '|', rule_id
            {%- for column in discount_subject() %}, coalesce(nullif(trim({{ column }}), ''), '*'){% endfor -%}
            , coalesce(min_month_list_usd, -1), valid_from
        )) as rule_row_id,
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
