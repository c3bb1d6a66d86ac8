{#-
  What a source delivers again counts as last delivered: a later day, then a later file, then a later line.

  last_delivery(relation, key)  the rows of a relation of which no later one has the same key, an SQL expression or a
                                list of columns
-#}

{% macro last_delivery(relation, key) -%}
    (
        select * exclude (delivery_rank)
        from (
            select
                *,
                row_number() over (
                    partition by {{ key }}
                    order by delivered_on desc, raw_file desc, raw_line desc
                ) as delivery_rank
            from {{ relation }}
        ) as ranked
        where delivery_rank = 1
    )
{%- endmacro %}
