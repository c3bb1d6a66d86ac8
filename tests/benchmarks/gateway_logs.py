"""Infron-shaped request logs of any size, written by one DuckDB statement in about 1.4 s per million.

One UTC day, in order of time: 20 workspaces, 500 keys, 5 models, a third of the requests with cached prompt
tokens, one in a hundred failed, reported costs that follow from the tokens. A line is about 780 bytes.
Deterministic: row i is always the same row.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb

DAY = "2026-11-01"

# name, then USD per million tokens: prompt, completion, cache read
MODELS = """(values
    (0, 'openai/gpt-4o', 2500000, 10000000, 1250000),
    (1, 'openai/gpt-4o-mini', 150000, 600000, 75000),
    (2, 'anthropic/claude-sonnet-4-5', 3000000, 15000000, 300000),
    (3, 'anthropic/claude-haiku-4-5', 1000000, 5000000, 100000),
    (4, 'google/gemini-2.5-flash', 300000, 2500000, 30000)
) as models (model_number, model, prompt_price, completion_price, cache_read_price)"""

# A price per million tokens is so many 10^-12 USD per token, so a cost is an integer until it is printed.
USD = "cast(cast({} as decimal(18, 0)) * cast(0.000000000001 as decimal(18, 12)) as varchar)"

LINES = f"""
with numbered as (
    select
        range as i,
        1000 + (range * 31) % 9000 as prompt_tokens,
        range % 700 + 1 as completion_tokens,
        case when range % 3 = 0 then ((range * 17) % 8) * 100 else 0 end as cached_tokens,
        (range * 7919) % 500 as api_key,
        range % 100 = 99 as is_failure
    from range(?)
),

priced as (
    select
        *,
        (prompt_tokens - cached_tokens) * prompt_price as prompt_cost,
        completion_tokens * completion_price as completion_cost,
        cached_tokens * cache_read_price as cache_read_cost,
        prompt_tokens * prompt_price + completion_tokens * completion_price as list_price
    from numbered
    inner join {MODELS} on (i * 13) % 5 = model_number
),

lines as (
    select
        i,
        concat(
            '{{"request_id":"gen-', upper(substr(md5(cast(i as varchar)), 1, 24)),
            '","created_at":"', strftime(
                timestamp '{DAY}' + to_milliseconds(cast(i * (86400000 / ?) as bigint)),
                '%Y-%m-%dT%H:%M:%S.%g'
            ), 'Z","model":"', model,
            '","status":"', if(is_failure, 'failure', 'success'),
            '","api_key_id":"key_', api_key, '","api_key_name":"service-', api_key,
            '","workspace_id":"ws_', api_key % 20, '","member_id":"mem_', api_key % 120,
            '","stream":', if(i % 2 = 0, 'true', 'false'), ',"processing_ms":', 500 + i % 3000,
            ',"http_status":', if(is_failure, 503, 200),
            if(is_failure, ',"error":"upstream unavailable","usage":null}}', concat(
                ',"error":null',
                ',"usage":{{"prompt_tokens":', prompt_tokens, ',"completion_tokens":', completion_tokens,
                ',"total_tokens":', prompt_tokens + completion_tokens,
                ',"prompt_tokens_details":{{"cached_tokens":', cached_tokens,
                ',"cache_write_tokens":0,"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0}},"cost":',
                {USD.format("prompt_cost + completion_cost + cache_read_cost")},
                ',"cost_details":{{"prompt_cost":', {USD.format("prompt_cost")},
                ',"completion_cost":', {USD.format("completion_cost")},
                ',"prompt_cache_read_cost":', {USD.format("cache_read_cost")},
                ',"discount_rate":1.0,"is_byok":false}}}},"list_price":', {USD.format("list_price")},
                ',"discounted_price":', {USD.format("list_price")},
                ',"cache_optimized_price":', {USD.format("prompt_cost + completion_cost + cache_read_cost")},
                '}}'
            ))
        ) as line
    from priced
)

select line from lines
"""


def write_logs(rows: int, landing: Path, days_later: int = 0) -> Path:
    """Write `rows` requests of one day below `landing`, perhaps of another day than DAY, and return the file."""
    day = (date.fromisoformat(DAY) + timedelta(days_later)).isoformat()
    lines = LINES.replace(DAY, day).replace("md5(cast(i as", f"md5(cast(i + {days_later * rows} as")
    folder = landing / "infron" / "logs" / f"dt={day}"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "requests.ndjson"
    with duckdb.connect() as con:
        # No quoting and a separator that never occurs: the lines are written exactly as they are.
        con.execute(
            f"copy ({lines}) to '{file}' (format csv, header false, quote '', escape '', delimiter '\x01')",
            [rows, rows],
        )
    return file
