{{ config(tags = ['finding']) }}
-- Fails if a gateway states another quota per unit than sources.yml: all its costs since then are wrong by that factor.
select * from {{ ref('stg_new_api__statuses') }}
where quota_per_unit != configured_quota_per_unit
