{#- Rulings: docs/decisions/copies.md#copies-1 -#}
-- Fails if two rows of a day just built are the same event. Hashes first: ten million ids do not fit where hashes do.
with new_events as (
    select event_id
    from {{ ref('fct_usage_costs') }}
    where event_date in {{ unpublished_days('fct_usage_costs') }}
),

suspects as (
    select hash(event_id) as event_hash
    from new_events
    group by hash(event_id)
    having count(*) > 1
)

select
    new_events.event_id,
    count(*) as copies
from new_events
inner join suspects on hash(new_events.event_id) = suspects.event_hash
group by new_events.event_id
having count(*) > 1
