"""New-API and the gateways built on it (AIsa, TokenOpen): log items, the console's table, top-ups, sums.

A log item is a call, a refund, an error or an event of the account, distinguished by `type`. Half of its fields are in
`other`, JSON inside a string. Each build writes other keys, so every key may be absent; -1 means that a setting does
not apply. `id` is a key only in the administrator's API; in the user's it is a position in a list. All connectors of
the family fill the same raw tables; their differences are SQL in staging/new_api.

Rulings: docs/decisions/gateway-prices.md#gateway-prices-4.
"""

from __future__ import annotations

from ingestion.streams import (
    COUNT,
    CSV,
    DURATION_MS,
    EPOCH,
    FLAG,
    ID,
    INTEGER,
    INVOICE_AMOUNT,
    MONEY,
    NO_ADDRESS,
    PROSE,
    RATIO,
    SEARCHES,
    TEXT,
    TIME,
    TOKENS,
    TOTAL,
    Check,
    Column,
    Connector,
    Kind,
    Stream,
    below,
    column,
    fields,
    json_pages,
    prose,
    unneeded,
)

#: Quota counts integer units, but a console may print fractions; it needs more digits than money.
QUOTA = Kind("decimal", "DECIMAL(18,6)", 6)
#: A million dollars at the usual 500,000 units per dollar: no event costs that much.
_QUOTA_LIMIT = 500_000_000_000
#: A day; a longer time to first token is wrong.
_LONGEST_WAIT_MS = 86_400_000

_PAGES = json_pages("data.items", also=("data",))

_PRICED_BY = (
    "case when is_model_mapped and upstream_model_name <> '' then upstream_model_name else model_name end"
)


def _beyond(quota: str) -> str:
    """Return the condition that an amount of quota is damage."""
    return f"{quota} <= {-_QUOTA_LIMIT} or {quota} >= {_QUOTA_LIMIT}"


def _slug(model: str) -> dict[str, str]:
    """Return the price key of a model name: the provider is the part before a slash, if there is one."""
    return {
        "provider": f"coalesce(left({model}, greatest(instr({model}, '/') - 1, 0)), '')",
        "model": f"coalesce(substr({model}, instr({model}, '/') + 1), '')",
    }


def _in_other(*names: str) -> tuple[str, ...]:
    return below("other", *names)


def _other(kind: Kind, *names: str, **renamed: str):
    """Declare fields of `other`, named by their keys."""
    named = {name: f"other.{name}" for name in names}
    return fields(kind, **named, **{name: f"other.{path}" for name, path in renamed.items()})


_RATIOS = (
    "model_ratio",
    "group_ratio",
    "user_group_ratio",
    "completion_ratio",
    "cache_ratio",
    "cache_creation_ratio",
    "cache_creation_ratio_5m",
    "cache_creation_ratio_1h",
    "image_ratio",
    "audio_ratio",
    "audio_completion_ratio",
)
_TOKENS = (
    "cache_tokens",
    "cache_creation_tokens",
    "cache_creation_tokens_5m",
    "cache_creation_tokens_1h",
    "cache_write_tokens",
    "audio_input",
    "audio_output",
    "audio_input_token_count",
    "image_cache_tokens",
)
#: Tools that some builds price by name, in `<tool>_call_price`; newer builds list `tool_surcharges`.
_TOOLS = ("image_generation", "web_search", "file_search", "code_interpreter", "google_search")
_TOOL_PRICES = tuple(f"{tool}_call_price" for tool in _TOOLS)
_TOOL_COUNTS = tuple(f"{tool}_call_count" for tool in _TOOLS)
#: Factors of a task's price, where its row has them: a number or other text.
_TASK_RATIOS = ("seconds", "duration", "n", "size")

LOGS = Stream(
    name="logs",
    table="new_api_logs",
    format=_PAGES,
    occurred_at="created_at",
    price_formula="expr_b64",
    embedded=("other",),
    watched=("other",),
    fields=(
        *fields(EPOCH, "created_at", mandatory=True),
        *fields(INTEGER, log_type="type", mandatory=True),
        *fields(INTEGER, "id", "user_id", "token_id"),
        *fields(COUNT, "quota", "use_time", "elapsed_time"),
        *fields(INTEGER, channel_short="channel", channel_long="channel_id"),
        *fields(TOKENS, "prompt_tokens", "completion_tokens"),
        *fields(FLAG, "is_stream"),
        *fields(TEXT, "username", "token_name", "model_name", "channel_name"),
        *fields(ID, "request_id", "upstream_request_id"),
        *fields(TEXT, group_name="group"),
        *fields(PROSE, content_text="content"),
        *_other(RATIO, *_RATIOS),
        *_other(TOKENS, *_TOKENS, image_tokens="image_output"),
        *_other(SEARCHES, "image_count", *_TOOL_COUNTS),
        *_other(COUNT, "pre_consumed_quota", "actual_quota", "wallet_quota_deducted", "fee_quota"),
        *_other(
            MONEY,
            "model_price",
            "audio_input_price",
            "web_search_price",
            "file_search_price",
            "fixed_price",
            *_TOOL_PRICES,
        ),
        *_other(FLAG, "claude", "is_model_mapped"),
        *_other(FLAG, local_count_tokens="admin_info.local_count_tokens"),
        *_other(TEXT, "usage_semantic", "upstream_model_name", "request_path"),
        *_other(TEXT, "tool_surcharges", "matched_tier", "expr_b64", tier_mode="billing_mode"),
        *_other(TEXT, "billing_source", "subscription_id", "violation_fee", "violation_fee_code"),
        *_other(TEXT, "other_ratios", **{f"task_{name}": name for name in _TASK_RATIOS}),
        *_other(
            TEXT, "task_id", "error_type", "error_code", reason_text="reason", reject_text="reject_reason"
        ),
        *_other(
            TEXT,
            stream_end_reason="stream_status.end_reason",
            stream_outcome="stream_status.status",
            status_code_text="status_code",
        ),
        *_other(TEXT, use_channel="admin_info.use_channel", frt_text="frt"),
    ),
    columns=(
        "id",
        "user_id",
        "created_at",
        "log_type",
        prose("content", "content_text"),
        "username",
        "token_id",
        "token_name",
        "model_name",
        "quota",
        "prompt_tokens",
        "completion_tokens",
        "use_time",
        "elapsed_time",
        "is_stream",
        Column("channel_id", "BIGINT", "coalesce(channel_short, channel_long)"),
        "channel_name",
        "group_name",
        "request_id",
        "upstream_request_id",
        *_RATIOS,
        *_TOKENS,
        "image_tokens",
        "image_count",
        *_TOOL_COUNTS,
        "pre_consumed_quota",
        "actual_quota",
        "wallet_quota_deducted",
        "fee_quota",
        "model_price",
        "audio_input_price",
        "web_search_price",
        "file_search_price",
        *_TOOL_PRICES,
        "fixed_price",
        "claude",
        "is_model_mapped",
        "local_count_tokens",
        "usage_semantic",
        "upstream_model_name",
        "request_path",
        "tool_surcharges",
        "tier_mode",
        "matched_tier",
        "expr_b64",
        "billing_source",
        "subscription_id",
        "violation_fee",
        "violation_fee_code",
        "other_ratios",
        *(f"task_{name}" for name in _TASK_RATIOS),
        "task_id",
        Column("reason", "VARCHAR", "left(reason_text, 300)"),
        "error_type",
        "error_code",
        Column("reject_reason", "VARCHAR", "left(reject_text, 300)"),
        "stream_end_reason",
        "stream_outcome",
        Column("status_code", "BIGINT", "try_cast(status_code_text as bigint)"),
        # The retry chain is a list of channel numbers; only its length is needed.
        Column(
            "fallback_depth",
            "BIGINT",
            "case when use_channel like '[_%'"
            " then length(use_channel) - length(replace(use_channel, ',', '')) end",
        ),
        # Without a first byte it is the time since the year 1, or negative.
        Column(
            "frt_ms",
            "BIGINT",
            f"case when try_cast(frt_text as double) between 0 and {_LONGEST_WAIT_MS}"
            " then cast(round(try_cast(frt_text as double)) as bigint) end",
        ),
        NO_ADDRESS,
    ),
    checks=(
        Check("missing_field", "quota", "log_type in (2, 6) and quota is null"),
        Check("money_out_of_range", "quota", _beyond("quota")),
    ),
    address="ip",
    # The caller's address is read where a source asks for it. The rest repeats declared fields, or says how the
    # gateway computed them.
    dropped=(
        "ip",
        "system_prompt_reset",
        *_in_other(
            "image",
            "ws",
            "audio",
            "web_search",
            "file_search",
            "image_generation_call",
            "text_input",
            "text_output",
            "input_tokens_total",
            "audio_input_seperate_price",
            "request_conversion",
            "reasoning_effort",
            "is_system_prompt_overwritten",
            "is_task",
            "channel_id",
            "channel_name",
            "channel_type",
            "stream_status",
            "billing_preference",
            "billing_unit",
            "billing_tokens",
            "request_rules",
            "subscription_plan_id",
            "subscription_plan_title",
            "subscription_consumed",
            "subscription_pre_consumed",
            "subscription_post_delta",
            "subscription_total",
            "subscription_used",
            "subscription_remain",
            "admin_info",
            "audit_info",
            "base_amount",
            "violation_fee_reason",
            "violation_fee_marker",
            "upstream_error_type",
            "upstream_error_code",
        ),
    ),
    **_slug(f"({_PRICED_BY})"),
)

#: The console's table: no cache split, no id of any kind, `Tokens` is input and output together.
CONSOLE_TABLE = Stream(
    name="logs",
    table="new_api_logs_csv",
    occurred_at="created_at",
    format=CSV,
    fields=(
        column(TIME, "created_at", "Time", mandatory=True),
        column(TEXT, "model_name", "Model", mandatory=True),
        column(QUOTA, "usage_quota", "Usage"),
        column(TEXT, "token_name", "Key Name", "Key"),
        column(TEXT, "group_name", "Group"),
        column(TEXT, "call_type", "Call Type"),
        column(DURATION_MS, "duration_ms", "Duration (ms)", "Duration"),
        column(TOKENS, "prompt_tokens", "Input Tokens"),
        column(TOKENS, "completion_tokens", "Output Tokens"),
        column(TOKENS, "total_tokens", "Tokens"),
        column(MONEY, "cost", "Cost"),
        column(COUNT, "http_status", "HTTP Status"),
        column(PROSE, "error_text", "Error"),
    ),
    columns=(
        "created_at",
        "model_name",
        "usage_quota",
        "token_name",
        "group_name",
        "call_type",
        "duration_ms",
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "cost",
        "http_status",
        prose("error", "error_text"),
    ),
    checks=(Check("money_out_of_range", "Usage", _beyond("usage_quota")),),
    **_slug("model_name"),
)

#: The unit of `amount` and `money` depends on the payment method; staging converts them.
TOPUPS = Stream(
    name="topups",
    table="new_api_topups",
    format=_PAGES,
    fields=(
        *fields(TEXT, "trade_no", "status", mandatory=True),
        *fields(EPOCH, "create_time", mandatory=True),
        *fields(INTEGER, "id", "user_id"),
        *fields(COUNT, "amount", completed_second="complete_time"),
        *fields(INVOICE_AMOUNT, "money"),
        *fields(TEXT, "payment_method", "payment_provider"),
    ),
    columns=(
        "id",
        "user_id",
        "trade_no",
        "status",
        "amount",
        "money",
        "payment_method",
        "payment_provider",
        "create_time",
        # Zero until the payment is complete.
        Column(
            "complete_time",
            "TIMESTAMP",
            "case when completed_second between 1 and 4102444800"
            " then make_timestamp(completed_second * 1000000) end",
        ),
    ),
    checks=(Check("time_out_of_range", "complete_time", "completed_second <> 0 and complete_time is null"),),
)

#: Rows of `quota_data`: one an hour, user and model (newer builds have more dimensions), updated until the hour is
#: complete.
HOURS = Stream(
    name="data",
    table="new_api_data",
    fields=(
        *fields(EPOCH, "created_at", mandatory=True),
        *fields(TOTAL, "quota", mandatory=True),
        *fields(INTEGER, "user_id", "token_id", "channel_id"),
        *fields(TOTAL, "token_used", "count"),
        *fields(TEXT, "model_name", "username", "use_group", "node_name"),
    ),
    columns=(
        "created_at",
        "user_id",
        "username",
        "model_name",
        "token_id",
        "use_group",
        "channel_id",
        "node_name",
        "token_used",
        "count",
        "quota",
    ),
    dropped=("id",),
    format=json_pages("data"),
)

_DISPLAYS, _DISPLAY = unneeded(FLAG, "display_in_currency")

#: The gateway's public settings of the day: those that decide the value of a unit.
STATUS = Stream(
    name="status",
    table="new_api_status",
    fields=(
        *fields(COUNT, "quota_per_unit", mandatory=True),
        *fields(TEXT, "system_name", "version", "quota_display_type"),
        *_DISPLAYS,
    ),
    columns=("quota_per_unit", "system_name", "version", "quota_display_type", *_DISPLAY.values()),
    format=json_pages("data"),
)

_STREAMS = (LOGS, TOPUPS, HOURS, STATUS)

NEW_API = Connector("new_api", _STREAMS)
AISA = Connector("aisa", _STREAMS)
TOKENOPEN = Connector("tokenopen", (*_STREAMS, CONSOLE_TABLE))
#: One-API, the ancestor: durations in milliseconds, no cache split, type 5 is a test of a channel.
ONE_API = Connector("one_api", (LOGS,))
