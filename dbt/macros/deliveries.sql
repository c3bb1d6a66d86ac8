{#-
  What a source delivers again counts as last delivered: the later day wins. Within a day of delivery nothing tells what came
  later, whatever the files are called and wherever a line stands: sums of a period that goes on only grow, so the row with
  the most wins, then the one whose content sorts last. File and line decide only which of two equal rows is named.

  last_delivery(relation, key, most)  the rows of a relation of which no later one has the same key, an SQL expression or a
                                      list of columns; `most` are columns that grow, the first that differs decides
-#}

{% macro last_delivery(relation, key, most = []) -%}
    (
        select * exclude (delivery_rank)
        from (
            select
                *,
                row_number() over (
                    partition by {{ key }}
                    order by
                        delivered_on desc,
                        {% for column in most -%}
                            {{ column }} desc nulls last,
                        {% endfor -%}
                        cast(row(*columns(* exclude (raw_file, raw_line))) as varchar) desc,
                        raw_file desc,
                        raw_line desc
                ) as delivery_rank
            from {{ relation }}
        ) as ranked
        where delivery_rank = 1
    )
{%- endmacro %}
