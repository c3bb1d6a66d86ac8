with settlements as (
    select * from {{ ref('int_payment_settlements') }}
)

select * from settlements
