-- Fails if a refund or dispute takes money from a payment intent that was never fetched: the books lack that payment.
{{ config(tags = ['finding']) }}

with returns as (
    select * from {{ ref('int_payment_returns') }}
)

select * from returns
where is_counted and payment_intent_id is null
