{#- Rulings: docs/decisions/usage.md#usage-3, docs/decisions/variance.md -#}
{%- set causes = recomputed_causes() -%}
{%- set cached = token_classes(cached = 'read') + token_classes(cached = 'write') -%}
{%- set output_text = token_columns(token_classes(side = 'output', modality = 'text')) -%}

with priced as (
    select * from {{ ref('int_usage_events_priced') }}
),

alternatives as (
    select * from {{ ref('int_model_price_alternatives') }}
),

compared as (
    select
        *,
        reported_cost_usd - cache_optimized_cost_usd as variance_usd
    from priced
),

-- What a row shows without a second price. Most rows match; the rest is computed only for the others.
judged as (
    select
        *,
        case
            when event_type in ('refund', 'adjustment') then 'settlement'
            -- If the usage is unknown, a charge is neither right nor wrong.
            when usage_source = 'contradictory' and unpriced_reason is null then 'contradictory_usage'
            when status != 'success' and reported_cost_usd > 0 then 'failed_but_charged'
            when unpriced_reason is not null then 'unpriced'
            when reported_cost_usd is null and cache_optimized_cost_usd = 0 then 'match'
            when reported_cost_usd is null and is_gateway_unpriced then 'gateway_unpriced'
            when reported_cost_usd is null then 'missing_report'
            when variance_usd = 0 then 'match'
            when reported_cost_usd = 0 and quota_used > 0 then 'subscription_paid'
            when reported_cost_usd = 0 and billing_mode != 'byok' then 'gateway_unpriced'
            when abs(variance_usd) <= rounding_unit_usd then 'rounding'
            when billing_mode = 'free' or verdict = 'nothing_used' then 'free_but_charged'
            -- Only a fee is charged, up to a twentieth of what the provider charges the caller.
            when billing_mode = 'byok' and variance_usd * 20 <= cache_optimized_cost_usd then 'byok_fee'
            -- Credits are whole: a call may be charged up to one more than it is worth.
            when billing_mode = 'credits' and abs(variance_usd) * credits_used <= abs(reported_cost_usd) then 'rounding'
        end as plain_reason
    from compared
),

disputed as (
    select
        *,
        case
            when
                price_source in ('catalogue', 'override')
                and (plain_reason is null or price_variant != 'standard' and verdict = 'priced')
                then price_cell
        end as disputed_cell,
        case when plain_reason is null then {{ whole_pico('reported_cost_usd') }} end as reported_pico,
        case when plain_reason is null then {{ whole_pico('cache_optimized_cost_usd') }} end as own_pico,
        case when plain_reason is null then {{ whole_pico('list_cost_usd') }} end as list_pico,
        case when plain_reason is null then cast({{ whole_pico('cache_list_cost_usd') }} as hugeint) * 1000000 end as own_atto,
        case when plain_reason is null then cast(stated_discount_factor * cast(1000000 as decimal(7, 0)) as bigint) end
            as stated_ppm,
        case when plain_reason is null then reported_total_tokens - input_tokens - output_tokens end as unseen_tokens,
        {% for class in token_classes() | map(attribute = 'class') -%}
            case when plain_reason is null and billing_mode != 'per_call' then {{ atto_price(class ~ '_usd_per_mtok') }} end
                as {{ class }}_atto,
        {% endfor -%}
        case when plain_reason is null and time_basis = 'end' then occurred_at - to_milliseconds(duration_ms) end as began_at,
        case when plain_reason is null and time_basis = 'start' then occurred_at + to_milliseconds(duration_ms) end as ended_at
    from judged
),

neighboured as (
    select
        disputed.*,
        alternatives.*
    from disputed
    left join alternatives on disputed.disputed_cell = alternatives.disputed_price_cell
),

-- What rounding can hide: a unit of the source's own, or what one credit is worth.
weighed as (
    select
        *,
        case
            when plain_reason is not null then null
            when billing_mode = 'credits' and credits_used > 0 then reported_pico // credits_used
            else {{ whole_pico('rounding_unit_usd') }}
        end as tolerance_pico,
        case
            when plain_reason is not null or unseen_tokens = 0 then null
            when unseen_tokens = -({{ token_columns(cached) | join(' + ') }})
                then -({{ class_atto(cached, '{own}') }})
            when abs(unseen_tokens) = reasoning_tokens then unseen_tokens * output_reasoning_atto
            else unseen_tokens * input_atto
        end as unseen_atto,
        case
            when plain_reason is null and coalesce(stated_input_usd_per_token, stated_output_usd_per_token) is not null
                then coalesce(uncached_input_tokens * ({{ atto_price(stated_price('input')) }} - input_atto), 0)
                    + coalesce(
                        ({{ output_text | join(' + ') }}) * ({{ atto_price(stated_price('output')) }} - output_atto), 0
                    )
        end as stated_atto,
        case when verdict = 'priced' and standard is not null then {{ list_atto_at('standard') }} end as service_tier_atto
    from neighboured
),

-- The first cause that explains the charge to within a unit of its rounding. With a few whole credits any cause would.
matched as (
    select
        *,
        case
            when plain_reason is not null or billing_mode = 'credits' and credits_used < 20 then null
            {%- for reason, charged, condition in causes %}
            when abs(reported_pico - ({{ charged }})) <= tolerance_pico
                {%- if condition %} and {{ condition }}{% endif %}
                then {{ loop.index }}
            {%- endfor %}
        end as cause
    from weighed
),

caused as (
    select
        *,
        case cause
            {%- for reason, charged, condition in causes %}
            when {{ loop.index }} then {{ charged }} - own_pico
            {%- endfor %}
        end as caused_pico
    from matched
),

-- Without such a cause: what differs, although it does not explain everything; and whether the row has enough data to
-- decide.
reasoned as (
    select
        *,
        case
            when plain_reason is not null then plain_reason
            when cause is not null
                then case cause
                    {%- for reason, charged, condition in causes %}
                    when {{ loop.index }} then '{{ reason }}'
                    {%- endfor %}
                end
            when unseen_tokens != 0 then 'token_mismatch'
            when stated_atto != 0 then 'other_price_list'
            when
                (cache_told != 'all' or not tells_groups and group_name is null)
                and reported_pico <= {{ charge('case when cache_told = \'all\' then 0 else uncached_input_tokens * (greatest(cache_write_1h_atto, input_atto) - input_atto) end') }}
                + tolerance_pico
                and (
                    not tells_groups and group_name is null
                    or reported_pico >= {{ charge('case when cache_told = \'nothing\' then uncached_input_tokens * (cache_read_atto - input_atto) else 0 end') }}
                    - tolerance_pico
                )
                then 'not_comparable'
            else 'price_mismatch'
        end as variance_reason
    from caused
),

-- Each part of the variance; the rest of a cause is rounding, an unexplained variance is formula.
attributed as (
    select
        *,
        case
            when variance_usd is null or variance_reason in ('match', 'settlement') then null
            else {{ part_of_reason('variance_reason') }}
        end as variance_part,
        case
            when variance_usd is null or variance_reason in ('match', 'settlement') then null
            when variance_reason = 'list_price_charged' then cache_list_cost_usd - cache_optimized_cost_usd
            when cause is not null then {{ pico_usd('caused_pico') }}
            when variance_reason = 'token_mismatch' then {{ pico_usd(charge('unseen_atto') ~ ' - own_pico') }}
            when variance_reason = 'other_price_list' then {{ pico_usd(charge('stated_atto') ~ ' - own_pico') }}
            else variance_usd
        end as explained_usd,
        case when variance_reason = 'list_price_charged' then list_cost_usd - cache_list_cost_usd else 0 end as uncached_usd
    from reasoned
),

split as (
    select
        *,
        {% for part in ['quantity', 'rate', 'timing'] -%}
            cast(
                case
                    when variance_part = '{{ part }}' then coalesce(explained_usd, 0)
                    when variance_usd is not null then 0
                end as decimal(18, 12)
            ) as {{ part }}_variance_usd,
        {% endfor -%}
        cast(
            case
                when variance_part = 'formula' then explained_usd
                when cause is not null then uncached_usd
                when variance_part in ('quantity', 'rate') then variance_usd - coalesce(explained_usd, 0)
                when variance_usd is not null then 0
            end as decimal(18, 12)
        ) as formula_variance_usd,
        cast(
            case
                when variance_part = 'rounding' then explained_usd
                when cause is not null then variance_usd - explained_usd - uncached_usd
                when variance_usd is not null then 0
            end as decimal(18, 12)
        ) as rounding_variance_usd
    from attributed
),

-- List is the standard service tier: the saving of another tier is a discount. Until here list is the tier's own.
listed as (
    select
        *,
        case
            when list_cost_usd is not null
                then coalesce(
                    {{ pico_usd('(abs(service_tier_atto) + 500000) // 1000000 * sign(service_tier_atto)') }}, 0
                )
        end as service_tier_savings_usd
    from split
),

relisted as (
    select * replace (list_cost_usd + service_tier_savings_usd as list_cost_usd) from listed
)

select * from relisted
