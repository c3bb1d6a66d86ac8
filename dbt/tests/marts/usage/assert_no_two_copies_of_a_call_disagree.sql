{{ config(tags = ['finding']) }}
-- Fails if two copies of one call have different models, tokens, credits or cost: the books hold one of them.
select * from {{ ref('recon_copies') }}
