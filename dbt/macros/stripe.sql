{#-
  The objects of one kind as they were last fetched: their state, metadata and amounts change after creation. An object
  whose last version is a tombstone is left out; it is ranked before filtering, or its previous version would be
  returned.
-#}
{% macro latest_stripe_versions(kind) -%}
(
    with versions as (
        select * from {{ raw_glob('stripe_' ~ kind ~ 's') }}
    ),

    ranked as (
        select
            versions.*,
            row_number() over (
                partition by {{ kind }}_id
                order by fetched_at desc, content_sha256 desc
            ) as version_rank
        from versions
    )

    select * from ranked
    where version_rank = 1 and origin is distinct from 'tombstone'
)
{%- endmacro %}
