{{ config(tags = ['finding']) }}
-- Fails if an event that should cost nothing names a quota: it is in no cost, and the balance may say otherwise.
select * from {{ ref('fct_account_events') }}
where has_charge
