{#-
  Credits are whole micro-credits, money inside is whole picounits (1e-12 of a currency). A share of a price is rounded
  once, half away from zero; amounts here are never negative.
-#}

{#- The wallet of a name; `sole_wallets` is joined. -#}
{% macro credit_wallet(name) -%}
    coalesce(nullif({{ name }}, ''), sole_wallets.wallet_id, 'unattributed')
{%- endmacro %}

{#- amount / whole of a price, in whole picounits. -#}
{% macro rounded_share(amount, price, whole) -%}
    (
        (2 * cast({{ amount }} as hugeint) * cast({{ price }} as hugeint) + cast({{ whole }} as hugeint))
        // (2 * cast({{ whole }} as hugeint))
    )
{%- endmacro %}

{#- Picounits as an amount of money. -#}
{% macro pico_to_decimal(pico) -%}
    cast(try_cast({{ pico }} as decimal(26, 0)) * cast(0.000000000001 as decimal(12, 12)) as decimal(38, 12))
{%- endmacro %}

{#- Microseconds since 1970 as a time in UTC. -#}
{% macro us_to_timestamp(microseconds) -%}
    make_timestamp({{ microseconds }})
{%- endmacro %}

{#- The ledger of closed months, written by `tollbook close`: [] until a month is closed. -#}
{% macro closed_credit_files() -%}
    {%- do source('books', 'closings') -%}
    {%- if not execute -%}{{ return([]) }}{%- endif -%}
    {%- set files = home_glob('lake/closings/*.credits.parquet') | replace("'", "''") -%}
    {%- set records = home_glob('lake/closings/*.json') | replace("'", "''") -%}
    {#- The record is written last: without one the month is not closed. -#}
    {%- set kept -%}
        select file
        from glob('{{ files }}')
        where replace(file, '.credits.parquet', '.json') in (select file from glob('{{ records }}'))
        order by file
    {%- endset -%}
    {%- set found = run_query(kept) -%}
    {{ return(found.columns[0].values() | list) }}
{%- endmacro %}

{#- The pack an invoice sold, and the plan its workspace was on, as both were when it was issued. -#}
{% macro left_join_packs_and_plans(invoices) -%}
    left join packs
        on
            {{ invoices }}.source = packs.source
            and {{ invoices }}.credit_pack = packs.pack
            and cast({{ invoices }}.issued_at as date) >= packs.valid_from
            and cast({{ invoices }}.issued_at as date) < coalesce(packs.valid_to, date '9999-12-31')
    left join plans
        on
            {{ invoices }}.source = plans.source
            and {{ invoices }}.workspace_id = plans.workspace_id
            and {{ invoices }}.issued_at >= plans.valid_from_at
            and {{ invoices }}.issued_at < coalesce(plans.valid_to_at, timestamp '9999-12-31 00:00:00')
{%- endmacro %}
