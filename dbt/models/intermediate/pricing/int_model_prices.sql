{#- Rulings: docs/decisions/pricing.md -#}
{{ config(materialized = 'table') }}

{%- set classes = priced_classes() %}
{#- Catalogue classes that price each class, in order: its own, then those it is part of. -#}
{%- set chains = {} %}
{%- for class in token_classes() %}{% do chains.update({class['class']: class.prices}) %}{% endfor %}
{%- do chains.update({'requests': ['requests']}) %}
{%- set sources = ['web_searches'] %}
{%- for chain in chains.values() %}{% for source in chain if source not in sources %}{% do sources.append(source) %}{% endfor %}{% endfor %}

with models as (
    select * from {{ ref('stg_prices__models') }}
),

unit_prices as (
    select * from {{ ref('stg_prices__unit_prices') }}
),

overrides as (
    select * from {{ ref('stg_config__price_overrides') }}
),

class_prices as (
    select
        models.price_provider,
        models.price_model,
        unit_prices.token_class,
        unit_prices.variant,
        unit_prices.tier_start,
        unit_prices.valid_from,
        unit_prices.valid_to,
        coalesce(unit_prices.tod_start, time '00:00:00') as tod_start,
        coalesce(unit_prices.tod_end, time '24:00:00') as tod_end,
        -- Prices per thousand calls become prices per million, like those of tokens.
        unit_prices.price * case when unit_prices.unit = 'kcount' then 1000 else 1 end as price,
        unit_prices.price_id,
        unit_prices.price_version,
        'catalogue' as price_source,
        0 as precedence
    from unit_prices
    inner join models
        on
            unit_prices.catalogue_provider = models.catalogue_provider
            and unit_prices.catalogue_model = models.catalogue_model

    union all

    select
        models.price_provider,
        models.price_model,
        overrides.token_class,
        overrides.variant,
        overrides.min_input_tokens as tier_start,
        cast(overrides.valid_from as timestamp) as valid_from,
        coalesce(cast(overrides.valid_to as timestamp), timestamp '9999-12-31 00:00:00') as valid_to,
        time '00:00:00' as tod_start,
        time '24:00:00' as tod_end,
        overrides.usd_per_mtok as price,
        concat(overrides.config_file, ':', overrides.config_line) as price_id,
        concat(overrides.config_file, ':', overrides.config_line) as price_version,
        'override' as price_source,
        1 as precedence
    from overrides
    inner join models
        on
            (overrides.provider = models.price_provider and overrides.model = models.price_model)
            or (overrides.provider = models.catalogue_provider and overrides.model = models.catalogue_model)
),

-- The boundaries of all classes of a model divide time, prompt size and time of day into cells of constant prices.
instants as (
    select price_provider, price_model, valid_from as edge from class_prices
    union
    select price_provider, price_model, valid_to as edge from class_prices
),

periods as (
    select
        price_provider,
        price_model,
        edge as valid_from,
        lead(edge) over (partition by price_provider, price_model order by edge) as valid_to
    from instants
),

tiers as (
    select
        price_provider,
        price_model,
        tier_start,
        lead(tier_start, 1, 9223372036854775807) over (
            partition by price_provider, price_model order by tier_start
        ) as tier_end
    from (select distinct price_provider, price_model, tier_start from class_prices) as tier_starts
),

times as (
    select price_provider, price_model, tod_start as edge from class_prices
    union
    select price_provider, price_model, tod_end as edge from class_prices
),

times_of_day as (
    select
        price_provider,
        price_model,
        edge as tod_start,
        lead(edge) over (partition by price_provider, price_model order by edge) as tod_end
    from times
),

-- A service tier without prices for a model is served at the standard price: the model has no cell for it.
variants as (
    select
        price_provider,
        price_model,
        variant
    from class_prices
    union
    select
        price_provider,
        price_model,
        'standard' as variant
    from class_prices
),

cells as (
    select
        periods.price_provider,
        periods.price_model,
        periods.valid_from,
        periods.valid_to,
        tiers.tier_start,
        tiers.tier_end,
        times_of_day.tod_start,
        times_of_day.tod_end,
        variants.variant
    from periods
    inner join tiers
        on periods.price_provider = tiers.price_provider and periods.price_model = tiers.price_model
    inner join times_of_day
        on periods.price_provider = times_of_day.price_provider and periods.price_model = times_of_day.price_model
    inner join variants
        on periods.price_provider = variants.price_provider and periods.price_model = variants.price_model
    where periods.valid_to is not null and times_of_day.tod_end is not null
),

candidates as (
    select
        cells.*,
        class_prices.token_class,
        class_prices.price,
        class_prices.price_id,
        class_prices.price_version,
        class_prices.price_source,
        class_prices.precedence,
        class_prices.tier_start as class_tier_start,
        class_prices.variant = cells.variant as is_own_variant,
        bool_or(class_prices.variant = cells.variant and class_prices.precedence = 1) over cell_class as has_own_contract,
        bool_or(class_prices.variant = cells.variant and class_prices.precedence = 0) over cell_class as has_own_catalogue
    from cells
    inner join class_prices
        on
            cells.price_provider = class_prices.price_provider
            and cells.price_model = class_prices.price_model
            and cells.valid_from >= class_prices.valid_from
            and cells.valid_to <= class_prices.valid_to
            and cells.tod_start >= class_prices.tod_start
            and cells.tod_end <= class_prices.tod_end
            and cells.tier_start >= class_prices.tier_start
            and class_prices.variant in (cells.variant, 'standard')
    window cell_class as (
        partition by
            cells.price_provider, cells.price_model, cells.valid_from, cells.tier_start, cells.tod_start,
            cells.variant, class_prices.token_class
    )
),

-- Precedence: a contract for the variant, the catalogue's variant, a contract for the standard tier, the catalogue's
-- standard tier. Within one of them the highest tier wins, and at one tier the variant's own price.
ranked as (
    select
        *,
        row_number() over (
            partition by price_provider, price_model, valid_from, tier_start, tod_start, variant, token_class
            order by
                case
                    when has_own_contract then 1 - precedence
                    when has_own_catalogue then precedence
                    else 1 - precedence
                end,
                class_tier_start desc,
                is_own_variant desc,
                price_id
        ) as choice
    from candidates
),

chosen as (
    select
        price_provider,
        price_model,
        variant,
        valid_from,
        valid_to,
        tier_start,
        tier_end,
        tod_start,
        tod_end,
        bool_or(price is not null) as is_priced,
        bool_or(is_own_variant) as has_own_variant,
        md5(string_agg(concat_ws('=', token_class, price_id), ',' order by token_class)) as price_id,
        max(price_version) as price_version,
        max(price_source) as price_source,
        {% for source in sources -%}
            max(case when token_class = '{{ source }}' then price end) as {{ source }}_price{{ ',' if not loop.last }}
        {% endfor %}
    from ranked
    where choice = 1
    group by price_provider, price_model, variant, valid_from, valid_to, tier_start, tier_end, tod_start, tod_end
),

-- A class without a price of its own is billed as the class it is part of; what the provider does not bill costs 0. A
-- cell missing from the catalogue, or marked free or unknown, has no price; searches without a price are not free.
filled as (
    select
        price_provider,
        price_model,
        variant,
        valid_from,
        valid_to,
        tier_start,
        tier_end,
        tod_start,
        tod_end,
        case when is_priced then price_id end as price_id,
        case when is_priced then price_version end as price_version,
        case when is_priced then price_source end as price_source,
        case when has_own_variant then variant else 'standard' end as priced_variant,
        {%- for class, chain in chains.items() %}
            cast(
                case when is_priced then coalesce({% for part in chain %}{{ part }}_price, {% endfor %}0) end as decimal(24, 18)
            ) as {{ class }}_usd_per_mtok,
        {%- endfor %}
        cast(web_searches_price as decimal(24, 18)) as web_searches_usd_per_mtok
    from chosen
),

fine as (
    select
        *,
        {% for class in classes -%}
            coalesce({{ class }}_usd_per_mtok, 0) != round(coalesce({{ class }}_usd_per_mtok, 0), 6)
            {{ 'or ' if not loop.last }}
        {%- endfor %} as has_fine_price
    from filled
),

in_units as (
    select
        *,
        row_number() over (
            order by price_provider, price_model, variant, valid_from, tier_start, tod_start
        ) as price_cell,
        md5(concat_ws(
            '|', price_version, price_source
            {%- for class in classes %}, {{ class }}_usd_per_mtok{% endfor %}
        )) as fingerprint,
        {% for class in classes -%}
            case when price_id is not null and not has_fine_price
                    then cast(coalesce({{ class }}_usd_per_mtok, 0) * cast(1000000 as decimal(7, 0)) as bigint)
            end as {{ class }}_picousd,
            cast(replace(cast(coalesce({{ class }}_usd_per_mtok, 0) as varchar), '.', '') as decimal(38, 0)) as {{ class }}_yoctousd{{ ',' if not loop.last }}
        {% endfor %}
    from fine
)

select * from in_units
