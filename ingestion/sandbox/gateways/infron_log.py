"""A request in an Infron log: one JSON object per line.

Lines are built as text from integers, so a cost of 0.019845 USD is written as those digits and never passes through a
float. Knows the shape of a line, nothing about prices or faults.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from ingestion.sandbox.world.faults import Charged
from ingestion.sandbox.world.prices import MODELS
from ingestion.sandbox.world.tenants import Tenants
from ingestion.sandbox.world.traffic import STATUSES, TIMEOUT, Requests, midnight_ms

_UNITS_PER_USD = 10**12
_MESSAGES = {429: "rate limit reached", 500: "provider error", 502: "bad gateway", 503: "provider overloaded"}


def request_ids(seed: int, day: int, number: np.ndarray) -> np.ndarray:
    """Return ids as text; no two requests of a world share one, since every step below can be undone."""
    mixed = (np.uint64(seed & 0xFFFF) << np.uint64(48)) | (np.uint64(day) << np.uint64(32))
    mixed = mixed | number.astype(np.uint64)
    with np.errstate(over="ignore"):
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    digits = np.frombuffer(mixed.astype(">u8").tobytes().hex().upper().encode(), dtype="S16")
    return np.char.add("gen-01", digits.astype("U16"))


def lines(world: Tenants, seed: int, rows: Requests, charged: Charged) -> list[str]:
    """Return one line per request, without line ends."""
    return _frame(world, seed, rows, charged).select(_line()).to_series().to_list()


def _frame(world: Tenants, seed: int, rows: Requests, charged: Charged) -> pl.DataFrame:
    """Lay a batch out as columns, keys and models by name."""
    keys, spaces = world.keys, world.workspaces
    owners = [spaces[key.workspace] for key in keys]
    seats = pl.DataFrame(
        [
            {"key": number, "seat": seat, "member_id": member}
            for number, owner in enumerate(owners)
            for seat, member in enumerate(owner.members)
        ],
        schema={"key": pl.Int16, "seat": pl.Int64, "member_id": pl.String},
    )
    names = pl.DataFrame(
        {
            "key": pl.Series(range(len(keys)), dtype=pl.Int16),
            "api_key_id": [key.api_key_id for key in keys],
            "api_key_name": [key.name for key in keys],
            "workspace_id": [owner.workspace_id for owner in owners],
            "group": [key.group for key in keys],
            "flat": [key.flat_usage for key in keys],
        }
    )
    columns = {
        "request_id": request_ids(seed, rows.day, rows.number),
        "key": rows.key,
        "seat": rows.member,
        "slug": np.array(MODELS)[rows.model],
        "status": np.array(STATUSES)[rows.status],
        "timed_out": rows.status == TIMEOUT,
        "has_usage": charged.has_usage,
        "http_status": rows.http_status,
        "duration_ms": rows.duration_ms,
        "streamed": rows.streamed,
        "prompt": rows.prompt,
        "completion": rows.completion,
        "cached": rows.cached,
        "written": rows.written_5m + rows.written_1h,
        "written_1h": rows.written_1h,
        "reasoning": rows.reasoning,
        "cost": charged.cost,
        "completion_cost": charged.completion,
        "read_cost": charged.cache_read,
        "write_cost": charged.cache_written,
        "list": charged.list,
        "discounted": charged.discounted,
        "factor": charged.factor,
        "unseen": charged.unseen,
        "at": midnight_ms(rows.day) + rows.at_ms,
    }
    frame = pl.DataFrame(columns).with_columns(pl.from_epoch("at", time_unit="ms"))
    return frame.join(names, on="key", how="left", maintain_order="left").join(
        seats, on=["key", "seat"], how="left", maintain_order="left"
    )


def _usd(column: str) -> pl.Expr:
    """Write a column of 10⁻¹² USD as a decimal without trailing zeros."""
    return _decimal(pl.col(column), 12)


def _decimal(value: pl.Expr, places: int) -> pl.Expr:
    """Write whole units of 10^-places as a decimal without trailing zeros."""
    fraction = (value % 10**places).cast(pl.String).str.zfill(places)
    written = pl.concat_str((value // 10**places).cast(pl.String), pl.lit("."), fraction)
    return written.str.strip_chars_end("0").str.strip_chars_end(".")


def _quoted(value: pl.Expr) -> pl.Expr:
    """Write text in quotes, or null; no name in the sandbox needs escaping."""
    return pl.concat_str(pl.lit('"'), value, pl.lit('"')).fill_null("null")


def _yes(column: str) -> pl.Expr:
    """Write a boolean as JSON does."""
    return pl.col(column).cast(pl.String)


def _error() -> pl.Expr:
    """Write the error: none on success, plain text on a timeout, an object otherwise."""
    code = pl.col("http_status")
    message = code.replace_strict(_MESSAGES, default="", return_dtype=pl.String)
    error = pl.concat_str(
        pl.lit('{"code":'), code.cast(pl.String), pl.lit(',"message":"'), message, pl.lit('"}')
    )
    timed_out = pl.when("timed_out").then(pl.lit('"no answer within 60 s"')).otherwise(error)
    return pl.when(pl.col("status") == "success").then(pl.lit("null")).otherwise(timed_out)


def _usage() -> pl.Expr:
    """Write the usage object of this year's generation, or the older flat one where a client asks for it."""
    head = (
        pl.lit('{"prompt_tokens":'), pl.col("prompt"), pl.lit(',"completion_tokens":'), pl.col("completion"),
        pl.lit(',"total_tokens":'), pl.col("prompt") + pl.col("completion") + pl.col("unseen"),
    )  # fmt: skip
    one_hour = (
        pl.when(pl.col("written_1h") > 0)
        .then(pl.concat_str(pl.lit(',"cache_write_1h_tokens":'), pl.col("written_1h").cast(pl.String)))
        .otherwise(pl.lit(""))
    )
    nested = (
        pl.lit(',"prompt_tokens_details":{"cached_tokens":'), pl.col("cached"),
        pl.lit(',"cache_write_tokens":'), pl.col("written"), one_hour,
        pl.lit(',"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":'), pl.col("reasoning"),
        pl.lit("}"),
    )  # fmt: skip
    flat = (
        pl.lit(',"prompt_tokens_cache_read":'), pl.col("cached"),
        pl.lit(',"prompt_tokens_cache_write":'), pl.col("written"),
        pl.lit(',"reasoning_tokens":'), pl.col("reasoning"),
    )  # fmt: skip
    cost = (
        pl.lit(',"cost":'), _usd("cost"),
        pl.lit(',"cost_details":{"prompt_cost":'), _decimal(pl.col("cost") - pl.col("completion_cost"), 12),
        pl.lit(',"completion_cost":'), _usd("completion_cost"),
        pl.lit(',"prompt_cache_read_cost":'), _usd("read_cost"),
        pl.lit(',"prompt_cache_write_cost":'), _usd("write_cost"),
        pl.lit(',"discount_rate":'), _decimal(pl.col("factor"), 3),
        pl.lit(',"is_byok":false}}'),
    )  # fmt: skip
    counts = pl.when("flat").then(pl.concat_str(*flat)).otherwise(pl.concat_str(*nested))
    return pl.when("has_usage").then(pl.concat_str(*head, counts, *cost)).otherwise(pl.lit("null"))


def _price(column: str) -> pl.Expr:
    """Write a displayed price, or null where there is no usage to price."""
    return pl.when("has_usage").then(_usd(column)).otherwise(pl.lit("null"))


def _line() -> pl.Expr:
    """Write the whole line."""
    return pl.concat_str(
        pl.lit('{"request_id":'), _quoted(pl.col("request_id")),
        pl.lit(',"created_at":'), _quoted(pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")),
        pl.lit(',"model":'), _quoted(pl.col("slug")),
        pl.lit(',"status":'), _quoted(pl.col("status")),
        pl.lit(',"api_key_id":'), _quoted(pl.col("api_key_id")),
        pl.lit(',"api_key_name":'), _quoted(pl.col("api_key_name")),
        pl.lit(',"workspace_id":'), _quoted(pl.col("workspace_id")),
        pl.lit(',"member_id":'), _quoted(pl.col("member_id")),
        pl.lit(',"group":'), _quoted(pl.col("group")),
        pl.lit(',"stream":'), _yes("streamed"),
        pl.lit(',"processing_ms":'), pl.col("duration_ms"),
        pl.lit(',"http_status":'), pl.col("http_status"),
        pl.lit(',"error":'), _error(),
        pl.lit(',"usage":'), _usage(),
        pl.lit(',"list_price":'), _price("list"),
        pl.lit(',"discounted_price":'), _price("discounted"),
        pl.lit(',"cache_optimized_price":'), _price("cost"),
        pl.lit("}"),
    )  # fmt: skip
