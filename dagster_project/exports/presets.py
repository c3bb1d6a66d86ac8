"""Reports in the columns of a gateway's own page or export, of whatever source.

Names and order of the columns are the gateway's, and what only its page shows comes after them; a value that its own
export would not have is empty. A correction of a closed day is a row of its own, dated when it was found, so that a
preset adds up to `requests` of the same selection. Money is USD; amounts are those of fct_usage_costs, and empty where
a request is unpriced.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dagster_project.exports.reports import INVOICES, REQUESTS, USAGE_DIMENSIONS, Report, usage

_CACHED = "cache_read_tokens + cache_read_audio_tokens + cache_read_image_tokens + cache_read_video_tokens"


def _requests(
    name: str, meaning: str, columns: Mapping[str, str], relation: str = "fct_usage_costs"
) -> Report:
    """Return a preset of requests: header of each column → expression over `relation`."""
    return Report(
        name=name,
        meaning=meaning,
        relation=relation,
        day="event_date",
        columns=tuple(f'{expression} as "{header}"' for header, expression in columns.items()),
        order=("occurred_at", "event_id"),
        dimensions=USAGE_DIMENSIONS,
    )


def _price(column: str) -> str:
    """Return SQL of a unit price as text without zeros at its end."""
    return f"rtrim(rtrim(cast({column} as varchar), '0'), '.')"


def _percentage(share: str) -> str:
    """Return SQL of a share as a percentage with all its digits."""
    return f"cast({share} * 100 as decimal(18, 4))"


INFERY = _requests(
    "infery",
    "requests in the nine columns of Infery's CSV export",
    {
        "timestamp": "occurred_at",
        "model": "model_served",
        "api_key_id": "api_key_id",
        "prompt_tokens": "input_tokens",
        "completion_tokens": "output_tokens",
        "credits_used": "credits_used",
        "request_id": "request_id",
        "latency_ms": "duration_ms",
        "fallback_depth": "fallback_depth",
    },
)
INFRON = _requests(
    "infron",
    "requests in the columns of Infron's billing log, with its three tiers and their savings",
    {
        "Call Time": "occurred_at",
        "Request ID": "request_id",
        "Model Name": "model_served",
        "Call Status": "status",
        "Input Tokens": "input_tokens",
        "Output Tokens": "output_tokens",
        "Total Tokens": "total_tokens",
        "Cached Tokens": _CACHED,
        "Processing Duration": "duration_ms",
        "List Price": "list_cost_usd",
        "Discounted Price": "discounted_cost_usd",
        "Cache-Optimized Price": "cache_optimized_cost_usd",
        "Discount (%)": _percentage("discount_share"),
        "Discount Savings": "discount_savings_usd",
        "Cache Hit Rate (%)": _percentage("cache_hit_rate"),
        "Cache Savings (%)": _percentage("cache_savings_share"),
    },
    relation="request_savings",
)
TOKENOPEN = _requests(
    "tokenopen",
    "requests in the columns of TokenOpen's usage logs",
    {
        "Time": "occurred_at",
        "Usage": "coalesce(quota_used, credits_used)",
        "Model": "model_served",
        "Key Name": "api_key_name",
        "Group": "group_name",
        "Call Type": "concat(upper(call_type[1]), call_type[2:])",
        "Duration (ms)": "duration_ms",
        "Input Tokens": "input_tokens",
        "Output Tokens": "output_tokens",
        "Tokens": "total_tokens",
        "Cost": "charged_cost_usd",
        "HTTP Status": "http_status",
        "Error": "error_code",
    },
)
#: Requests and account events in common columns; the page lists both.
_AISA_EVENTS = f"""(
    select
        event_id, event_date, occurred_at, source, workspace_id, model_served, api_key_id, api_key_name, member_id,
        group_name, call_type, status, duration_ms, ttft_ms, is_stream, input_tokens, output_tokens, charged_cost_usd,
        case event_type when 'error' then 'Error' when 'refund' then 'Refund' when 'adjustment' then 'Adjustment'
            when 'test' then 'Test' else 'Consume' end as log_type,
        nullif(concat_ws(', ',
            'input ' || {_price("input_usd_per_mtok")} || ' USD per million tokens',
            'output ' || {_price("output_usd_per_mtok")} || ' USD per million tokens',
            case when discount_factor <> 1 then 'discount factor ' || {_price("discount_factor")} end,
            request_path
        ), '') as details
    from fct_usage_costs
    union all by name
    select
        account_event_id as event_id, event_date, occurred_at, source, member_id,
        concat(upper(log_kind[1]), log_kind[2:]) as log_type, description as details
    from fct_account_events
)"""
AISA = Report(
    name="aisa",
    meaning="requests and account events in the columns of AIsa's usage logs",
    relation=_AISA_EVENTS,
    day="event_date",
    columns=(
        'occurred_at as "Time"',
        'api_key_name as "Tokens"',
        'group_name as "Group"',
        'log_type as "Type"',
        'model_served as "Model"',
        'duration_ms as "Time (ms)"',
        'ttft_ms as "First Word (ms)"',
        'is_stream as "Stream"',
        'input_tokens as "Input"',
        'output_tokens as "Output"',
        'charged_cost_usd as "Spend"',
        'details as "Details"',
    ),
    order=("occurred_at", "event_id"),
    dimensions=USAGE_DIMENSIONS,
)
FOCUS = Report(
    name="focus",
    meaning="FOCUS rows: one per day, key, model and token meter, and one per invoice line",
    relation="focus_cost_and_usage",
    day='cast("ChargePeriodStart" as date)',
    columns=("*",),
    order=('"ChargePeriodStart"', '"BillingAccountId"', '"SkuPriceId"', '"x_ChargeRowId"'),
    dimensions={
        "source": '"ServiceName"',
        "workspace": '"BillingAccountId"',
        "model": '"SkuId"',
        "key": '"SubAccountId"',
        "group": '"x_GroupName"',
        "call-type": '"x_CallType"',
    },
)
#: Every report that is not saved as YAML; usage as one row.
BUILT_IN: Mapping[str, Report] = MappingProxyType(
    {report.name: report for report in (usage(), REQUESTS, INVOICES, INFERY, INFRON, AISA, TOKENOPEN, FOCUS)}
)
