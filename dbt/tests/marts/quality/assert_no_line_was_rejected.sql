{{ config(tags = ['finding']) }}
-- Fails if a landed line could not be read: it may be a request that was paid for.
select * from {{ ref('rpt_source_days') }}
where rejects > 0
