{{ config(tags = ['finding']) }}
-- Fails if an event that should cost nothing has a quota: it is in no cost, but the balance may include it.
select * from {{ ref('fct_account_events') }}
where has_charge
