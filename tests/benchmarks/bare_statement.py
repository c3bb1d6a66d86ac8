"""One DuckDB statement: a file of Infron logs becomes one zstd Parquet with the columns of raw/infron_logs.

The yardstick of bench.py. It checks nothing, keeps no line numbers and rejects nothing: it is what reading
and writing these bytes costs by itself.
"""

from __future__ import annotations

import sys

import duckdb

MONEY = "decimal(18,12)"
COLUMNS = f"""{{
    request_id: 'varchar', created_at: 'timestamp', model: 'varchar', status: 'varchar',
    api_key_id: 'varchar', api_key_name: 'varchar', workspace_id: 'varchar', member_id: 'varchar',
    stream: 'boolean', processing_ms: 'bigint', http_status: 'bigint', error: 'varchar',
    group_name: 'varchar', service_tier: 'varchar',
    usage: 'struct(
        prompt_tokens bigint, completion_tokens bigint, total_tokens bigint,
        prompt_tokens_details struct(
            cached_tokens bigint, cache_write_tokens bigint, cache_write_1h_tokens bigint,
            audio_tokens bigint, video_tokens bigint
        ),
        completion_tokens_details struct(reasoning_tokens bigint, image_tokens bigint, audio_tokens bigint),
        cost {MONEY},
        cost_details struct(
            prompt_cost {MONEY}, completion_cost {MONEY}, reasoning_cost {MONEY}, byok_cost {MONEY},
            prompt_cache_read_cost {MONEY}, cache_write_cost {MONEY}, cache_write_5m_cost {MONEY},
            cache_write_1h_cost {MONEY}, discount_rate decimal(18,9), is_byok boolean
        )
    )',
    list_price: '{MONEY}', discounted_price: '{MONEY}', cache_optimized_price: '{MONEY}'
}}"""

STATEMENT = """
copy (
    select
        'infron' as source,
        filename as raw_file,
        cast(null as bigint) as raw_line,
        date '2026-11-01' as delivered_on,
        created_at as occurred_at,
        * exclude (usage, filename),
        unnest(usage, recursive := true),
        usage is not null as has_usage
    from read_json(
        '%s', format = 'newline_delimited', columns = %s, filename = true, hive_partitioning = false
    )
) to '%s' (format parquet, compression zstd)
"""


def main() -> None:
    """Convert the file named first into the Parquet named second."""
    file, target = sys.argv[1:]
    duckdb.execute(STATEMENT % (file, COLUMNS, target))


if __name__ == "__main__":
    main()
