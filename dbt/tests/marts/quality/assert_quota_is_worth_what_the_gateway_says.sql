{{ config(tags = ['finding']) }}
-- Fails if a gateway names another quota per unit than sources.yml: every cost of it since is off by that factor.
select * from {{ ref('stg_new_api__statuses') }}
where quota_per_unit != configured_quota_per_unit
