{#-
  Of rows that a source delivers again, the last delivery counts. Within one day of delivery the order is unknown,
  whatever the file names and lines: sums of an open period only grow, so the largest row wins, then the one whose
  content sorts last. File and line decide only which of two equal rows is named.

  last_delivery(relation, key, most)  the rows of a relation of which no later one has the same key, an SQL expression or a
                                      list of columns; `most` are columns that grow; the first that differs decides
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
