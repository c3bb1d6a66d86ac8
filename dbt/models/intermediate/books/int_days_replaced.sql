{#- Rulings: docs/decisions/closing.md#closing-5 -#}
with days_replaced as (
    select
        replaced.restatement_id,
        replaced.restated_at,
        replaced.event_date,
        replaced.cause,
        replaced.reason,
        replaced.before_file,
        built.file as after_file,
        concat(
            'rpt_restated_requests/event_date=', replaced.event_date, '/', replaced.restatement_id, '_0.parquet'
        ) as compared_file
    from {{ replaced_day_builds() }} as replaced
    left join {{ day_builds() }} as built
        on
            built.model = 'fct_usage_costs'
            and replaced.event_date = built.event_date
            and built.file not like '%/adjustments-%'
)

select * from days_replaced
