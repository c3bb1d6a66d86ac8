"""Responses kept by a caller, in the shape of any route: id, time and model.

OpenAI writes `id` and `created` or `created_at`, Anthropic `id` and no time, Gemini `responseId`, `modelVersion` and at
times `createTime`, Bedrock neither. The caller adds missing values to the body: `request_id` or `x-request-id`, and
`at`. A record needs an id and a time; one without a model has no price.
"""

from __future__ import annotations

from ingestion.streams import EARLIEST, ID, LATEST, TEXT, Check, Column, below, fields
from ingestion.usage import ANTHROPIC, BEDROCK, GEMINI, OPENAI, TIERS, UNCOUNTED, UsageReading, at

#: Fields of the id, the gateway's own request id first, because the gateway's logs have that one.
_IDS = {
    "request_header": "x-request-id",
    "request_id_beside": "request_id",
    "request_id_of_aws": "requestId",
    "id_of_response": "id",
    "id_of_gemini": "responseId",
}
#: Seconds of the epoch, or RFC 3339.
_TIMES = {
    "created_as_written": "created",
    "created_at_as_written": "created_at",
    "create_time": "createTime",
    "captured_at": "at",
    "timestamp_as_written": "timestamp",
}
_MODELS = {"model_as_written": "model", "model_version": "modelVersion"}

FIELDS = (
    *fields(ID, **_IDS),
    *fields(TEXT, **_TIMES),
    *fields(TEXT, **_MODELS),
    *fields(TEXT, "object", "service_tier"),
)
#: Content, and fields without information about the call.
DROPPED = (
    "candidates",
    "choices",
    "content",
    "data",
    "metrics",
    "output",
    "provider",
    "role",
    "stop_reason",
    "stop_sequence",
    "stopReason",
    "system_fingerprint",
    "type",
)

#: The usage of whatever route was called, in the fields `usage` or `usageMetadata`.
USAGE = UsageReading(at("usage", OPENAI, ANTHROPIC, BEDROCK) + at("usageMetadata", GEMINI))
#: Figures of time and money, parts of a count, and repetitions.
USAGE_DROPPED = below("usage", *UNCOUNTED, *TIERS) + below("usageMetadata", *UNCOUNTED, *TIERS)


def _first(names: dict[str, str]) -> str:
    return "coalesce(" + ", ".join(f"nullif({name}, '')" for name in names) + ")"


MODEL = Column("model", "VARCHAR", _first(_MODELS))
IS_STREAM = Column("is_stream", "BOOLEAN", "object like '%chunk'")


def identity(name: str) -> Column:
    """Return the column of the id."""
    return Column(name, "VARCHAR", _first(_IDS))


def moment(name: str) -> Column:
    """Return the column of the time; null where it is not a time."""
    written = _first(_TIMES)
    seconds = f"try_cast({written} as double)"
    # A value far outside any calendar is not a time, and a cast would fail.
    epoch = f"case when abs({seconds}) < 1e11 then make_timestamp(cast(round({seconds} * 1e6) as bigint)) end"
    clock = f"make_timestamp(epoch_us(try_cast({written} as timestamptz)))"
    return Column(name, "TIMESTAMP", f"case when {seconds} is not null then {epoch} else {clock} end")


def checks(id_name: str, time_name: str) -> tuple[Check, ...]:
    """Return the checks that every record has an id and a time."""
    return (
        Check("missing_field", "id", f"{id_name} is null"),
        Check("missing_field", "created", f"{_first(_TIMES)} is null"),
        Check("invalid_time", "created", f"{time_name} is null or not isfinite({time_name})"),
        Check(
            "time_out_of_range",
            "created",
            f"{time_name} not between timestamp '{EARLIEST}' and timestamp '{LATEST}'",
        ),
    )
