"""Interpret a usage object: which counts include which, and how much remains for each disjoint class.

Written as steps of SQL, each over the values of those before:

1. stated    each quantity once: the largest count of its places, 0 where none has one;
2. wholes    prompt, completion, cache and reasoning, whatever their names in the shape;
3. cache     reads and writes, where places disagree;
4. identity  which sum of these equals the total;
5. beside    which counts are therefore, or by contradiction, not included in prompt and completion;
6. sums      input and output tokens, and the input that is not cached;
7. spread    that input over the kinds of content.

No cost is read here: a reading chosen because it makes a charge match proves nothing.

Rulings: docs/decisions/usage.md.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ingestion.streams import TEXT, Check, Column, Field
from ingestion.usage.expressions import (
    FALSE,
    TRUE,
    ZERO,
    Steps,
    at_most,
    both,
    choose,
    either,
    exceeds,
    is_zero,
    least_of,
    minus,
    most,
    opposite,
    over,
    plus,
)
from ingestion.usage.places import PARTS, Places

#: Kinds of content with classes of their own; the rest is text.
_CONTENTS = ("audio", "image", "video")
#: A whole number that may be written with a point, as counts are elsewhere.
_COUNT = r"[0-9]{1,9}(\.0*)?"

#: Counts not included in the prompt.
_NOTHING, _TOOL_USE, _CACHE, _WRITES, _READS = range(5)
#: Added where reasoning is not included in the completion, and where the total is no sum of the others.
_REASONING, _NO_SUM = 10, 100

#: Raw columns of a reading: classes, disjoint and never negative; those of the input add up to `input_tokens`, those of
#: the output to `output_tokens`.
USAGE_COLUMNS = (
    "uncached_input_tokens",
    "cache_read_tokens",
    *(f"cache_read_{kind}_tokens" for kind in _CONTENTS),
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    *(f"input_{kind}_tokens" for kind in _CONTENTS),
    "output_text_tokens",
    "reasoning_tokens",
    *(f"output_{kind}_tokens" for kind in _CONTENTS),
    "input_tokens",
    "output_tokens",
    "reported_total_tokens",
    "web_searches",
    "usage_source",
    "usage_reading",
)
_TEXTS = ("usage_source", "usage_reading")
#: Whether the record has any of the fields, even 0: a column for streams that declare it.
HAS_USAGE = "has_usage"


@dataclass(frozen=True)
class UsageReading:
    """How a stream reads its usage.

    Attributes:
        places: Where each quantity is.
        is_inclusive: The gateway documents that its prompt includes the cache and its completion all output, and
            writes no total: a part that does not fit is cut and the usage is contradictory, and no count is taken as
            not included.
    """

    places: Places
    is_inclusive: bool = False

    @property
    def fields(self) -> tuple[Field, ...]:
        """Fields to declare."""
        return self.places.fields()

    def columns(self) -> dict[str, str]:
        """Return the raw columns with their types."""
        types = {name: "VARCHAR" if name in _TEXTS else "BIGINT" for name in USAGE_COLUMNS}
        return {**types, HAS_USAGE: "BOOLEAN"}

    def checks(self, present: Collection[str]) -> tuple[Check, ...]:
        """Return the checks that entries of lists are counts, for the fields that are present."""
        checks = []
        for quantity in PARTS:
            for field in self.places.of.get(quantity, ()):
                if field.name in present:
                    entries = _opened(field.name, quantity)
                    is_count = f"regexp_full_match(coalesce(tollbook_part.tokens, '0'), '{_COUNT}')"
                    no_count = f"tollbook_part is null or not {is_count}"
                    no_entry = "tollbook_part is null or json_type(tollbook_part) <> 'OBJECT'"
                    bad = either(
                        f"{entries} is null",
                        f"len(list_filter({_entries(field.name)}, lambda tollbook_part: {no_entry})) > 0",
                        f"len(list_filter({entries}, lambda tollbook_part: {no_count})) > 0",
                    )
                    condition = f"case when {field.name} is not null then {bad} else false end"
                    checks.append(Check("wrong_type", field.path, condition))
        return tuple(checks)

    def steps(self, present: Collection[str]) -> tuple[tuple[Column, ...], ...]:
        """Return the steps to the raw columns, which are the last step, from the fields that are present."""
        steps = Steps()
        stated = _stated(steps, self.places, present)
        call = _calls(steps, stated, is_inclusive=self.is_inclusive)
        counts = [field.name for field in self.fields if field.name in present and field.kind != TEXT]
        has_usage = f"coalesce({', '.join(counts)}) is not null" if counts else FALSE
        return (
            *steps.all(),
            (*_columns(call, stated), Column(HAS_USAGE, "BOOLEAN", has_usage)),
        )


def _entries(name: str, shape: str = '"JSON"') -> str:
    """Return the entries of a list that is kept as JSON text; null where the text is no list."""
    return f"try(from_json({name}, '[{shape}]'))"


def _opened(name: str, quantity: str) -> str:
    """Return the entries of a list as (label, tokens)."""
    label, count = PARTS[quantity]
    entries = _entries(name, f'{{"{label}":"VARCHAR","{count}":"VARCHAR"}}')
    return (
        f"list_transform({entries},"
        f" lambda tollbook_entry: case when tollbook_entry is not null"
        f' then {{"label": upper(tollbook_entry."{label}"), "tokens": tollbook_entry."{count}"}} end)'
    )


def _stated(steps: Steps, places: Places, present: Collection[str]) -> dict[str, str]:
    """Return the SQL name of each quantity; one without a field in the file is 0."""

    def names(quantity: str) -> list[str]:
        return [name for name in places.names(quantity) if name in present]

    def counted(quantity: str, *in_lists: tuple[str, str]) -> str:
        lists = [
            f"case when {name} is not null then try_cast(list_sum(list_transform(list_filter({_opened(name, parts)},"
            f" lambda tollbook_part: {f'tollbook_part.label = {label!r}' if label else 'true'}),"
            f" lambda tollbook_part: try_cast(tollbook_part.tokens as double))) as bigint) end"
            for parts, label in in_lists
            for name in names(parts)
        ]
        # A 0 or a missing field in one place does not hide a count in another.
        found = [
            count
            for count in (most(*names(quantity), *lists), *names(f"{quantity}_estimate"))
            if count != ZERO
        ]
        return steps.let(f"stated_{quantity}", f"coalesce({', '.join(found)}, 0)" if found else ZERO)

    stated = {
        quantity: counted(quantity)
        for quantity in (
            "prompt", "input", "completion", "candidates", "total", "reads", "reads_beside", "writes", "writes_5m",
            "writes_1h", "writes_beside", "writes_beside_5m", "writes_beside_1h", "tool_use", "tool_use_beside",
            "reasoning", "thoughts", "searches",
        )
    }  # fmt: skip
    stated["write_parts"] = counted("write_parts_in_all", ("write_parts", ""))
    stated["write_parts_1h"] = counted("write_parts_1h", ("write_parts", "1H"))
    for kind in ("text", *_CONTENTS):
        label = kind.upper()
        stated[kind] = counted(kind, ("prompt_parts", label))
        stated[f"tool_use_{kind}"] = counted(f"tool_use_{kind}", ("tool_use_parts", label))
        stated[f"cached_{kind}"] = counted(f"cached_{kind}", ("cached_parts", label))
        stated[f"output_{kind}"] = counted(f"output_{kind}", ("candidate_parts", label))
    # The billed count was not stated, and the gateway's estimate of it was taken.
    estimates = [
        both(
            *(f"{name} is null" for name in names(quantity)),
            exceeds(most(*names(f"{quantity}_estimate")), ZERO),
        )
        for quantity in ("prompt", "completion")
    ]
    is_estimated = either(*estimates)
    if is_estimated != FALSE:
        is_estimated = steps.let("is_estimated", f"coalesce({is_estimated}, false)", "BOOLEAN")
    stated["is_estimated"] = is_estimated
    steps.close()
    for kind in ("text", *_CONTENTS):
        stated[kind] = plus(stated[kind], stated[f"tool_use_{kind}"])
    return stated


def _calls(steps: Steps, stated: dict[str, str], *, is_inclusive: bool) -> dict[str, str]:
    """Return the SQL names of a call's sums, classes and conditions."""
    call = _wholes(steps, stated)
    if is_inclusive:
        call |= _cut(steps, stated, call)
    else:
        call |= _cache(steps, stated, call)
        call |= _identity(steps, stated, call)
        call |= _beside(steps, stated, call)
    call |= _sums(steps, stated, call)
    return call | _spread(steps, stated, call)


def _wholes(steps: Steps, stated: dict[str, str]) -> dict[str, str]:
    reads = [
        stated["reads"],
        stated["reads_beside"],
        plus(*(stated[f"cached_{kind}"] for kind in ("text", *_CONTENTS))),
    ]
    inside = [stated["writes"], plus(stated["writes_5m"], stated["writes_1h"])]
    beside = [
        stated["writes_beside"],
        plus(stated["writes_beside_5m"], stated["writes_beside_1h"]),
        stated["write_parts"],
    ]
    writes = [*inside, *beside]
    # Anthropic's and Bedrock's names for the input, and cache fields that only they write.
    is_cache_beside = both(
        exceeds(stated["input"], ZERO),
        TRUE if stated["prompt"] == ZERO else f"{stated['input']} >= {stated['prompt']}",
        exceeds(most(stated["reads_beside"], *beside), ZERO),
        is_zero(stated["reads"], *inside),
    )
    # Gemini's names, and no count of the whole output from another shape.
    is_reasoning_beside = both(
        exceeds(stated["thoughts"], ZERO),
        TRUE if stated["completion"] == ZERO else f"{stated['completion']} <= {stated['candidates']}",
    )
    wholes = {
        "prompt": most(stated["prompt"], stated["input"]),
        "completion": most(stated["completion"], stated["candidates"]),
        "most_reads": most(*reads),
        "most_writes": most(*writes),
        "least_reads": least_of(*reads),
        "least_writes": least_of(*writes),
        "all_writes_1h": most(stated["writes_1h"], stated["writes_beside_1h"], stated["write_parts_1h"]),
        "reasoning": most(stated["reasoning"], stated["thoughts"]),
        "tool_use": most(stated["tool_use"], stated["tool_use_beside"]),
        "media": plus(*(stated[kind] for kind in _CONTENTS)),
        "output_media": plus(*(stated[f"output_{kind}"] for kind in _CONTENTS)),
    }
    conditions = {"is_cache_beside": is_cache_beside, "is_reasoning_beside": is_reasoning_beside}
    call = {name: steps.let(name, sql) for name, sql in wholes.items()}
    call |= {name: steps.let(name, sql, "BOOLEAN") for name, sql in conditions.items()}
    steps.close()
    return call


def _cache(steps: Steps, stated: dict[str, str], call: dict[str, str]) -> dict[str, str]:
    """Take the largest count of each class, unless only the smaller ones fit in a prompt that includes them."""
    largest = call["most_reads"], call["most_writes"]
    smaller = call["least_reads"], call["least_writes"]
    if largest == smaller:
        return {"reads": largest[0], "writes": largest[1]}
    beside = plus(call["prompt"], *largest, call["completion"])
    only_smaller_fits = both(
        opposite(call["is_cache_beside"]),
        exceeds(plus(*largest), call["prompt"]),
        f"{plus(*smaller)} between 1 and {call['prompt']}",
        f"{stated['total']} not in ({beside}, {plus(beside, call['reasoning'])})",
    )
    found = {
        name: steps.let(name, choose((only_smaller_fits, small), otherwise=large))
        for name, small, large in zip(("reads", "writes"), smaller, largest, strict=True)
    }
    steps.close()
    return found


def _cut(steps: Steps, stated: dict[str, str], call: dict[str, str]) -> dict[str, str]:
    """Limit every part to its whole, where the gateway documents which counts include which."""
    prompt, completion = call["prompt"], call["completion"]
    reads, writes, reasoning = call["most_reads"], call["most_writes"], call["reasoning"]
    found = {
        "reads": steps.let("reads", at_most(reads, prompt)),
        "writes": steps.let("writes", at_most(writes, over(prompt, reads))),
        "reasoning": steps.let("reasoning_inside", at_most(reasoning, completion)),
    }
    steps.close()
    output_parts = plus(reasoning, call["output_media"])
    nothing = is_zero(
        prompt, completion, reads, writes, reasoning, call["media"], call["output_media"], stated["searches"]
    )
    return found | {
        "code": ZERO,
        "beside_prompt": ZERO,
        "is_beside_completion": FALSE,
        "is_total_alone": FALSE,
        "is_missing": nothing,
        "is_no_sum": either(exceeds(plus(reads, writes), prompt), exceeds(output_parts, completion)),
    }


def _identity(steps: Steps, stated: dict[str, str], call: dict[str, str]) -> dict[str, str]:
    """Find the sum that equals the total: a code of the counts not included in prompt and completion."""
    by_name = plus(
        choose((exceeds(stated["tool_use_beside"], ZERO), str(_TOOL_USE)), otherwise=ZERO),
        choose((call["is_reasoning_beside"], str(_REASONING)), otherwise=ZERO),
    )
    if stated["total"] == ZERO:
        return {"code": steps.let("code", by_name), "is_no_sum": FALSE}
    prompt, reads, writes = call["prompt"], call["reads"], call["writes"]
    # Possible inputs of a total; the first that matches is taken.
    totals = (
        (prompt, _NOTHING),
        (plus(prompt, call["tool_use"]), _TOOL_USE),
        (plus(prompt, reads, writes), _CACHE),
        (plus(prompt, writes), _WRITES),
        (plus(prompt, reads), _READS),
        (minus(prompt, reads), _NOTHING),
        (minus(prompt, reads, writes), _NOTHING),
    )
    sums: dict[str, int] = {}
    for counted, beside in totals:
        sums.setdefault(plus(counted, call["completion"]), beside)
        sums.setdefault(plus(counted, call["completion"], call["reasoning"]), beside + _REASONING)
    code = choose(
        (f"{stated['total']} = 0", by_name),
        *((f"{stated['total']} = {counted}", str(beside)) for counted, beside in sums.items()),
        otherwise=f"{_NO_SUM} + {by_name}",
    )
    steps.let("code", code)
    steps.close()
    return {"code": "code", "is_no_sum": f"code >= {_NO_SUM}"}


def _beside(steps: Steps, stated: dict[str, str], call: dict[str, str]) -> dict[str, str]:
    """Correct the code by contradictions: more cached tokens than prompt, more reasoning than output."""
    prompt, reads, writes = call["prompt"], call["reads"], call["writes"]
    beside = ZERO if call["code"] == ZERO else f"{call['code']} % {_REASONING}"
    cached = plus(reads, writes)
    if cached == ZERO:
        beside_prompt = beside if call["tool_use"] != ZERO else ZERO
    else:
        beside_prompt = choose(
            (f"{cached} = 0", beside),
            (call["is_cache_beside"], str(_CACHE)),
            (f"{beside} in ({_NOTHING}, {_TOOL_USE}) and {cached} <= {prompt}", beside),
            (f"{beside} = {_READS} and {writes} <= {prompt}", str(_READS)),
            (f"{beside} <> {_CACHE} and {reads} <= {prompt}", str(_WRITES)),
            otherwise=str(_CACHE),
        )
    by_code = FALSE if call["code"] == ZERO else f"{call['code']} % {_NO_SUM} >= {_REASONING}"
    reasoning = call["reasoning"]
    is_beside_completion = both(
        exceeds(reasoning, ZERO),
        either(by_code, exceeds(plus(reasoning, call["output_media"]), call["completion"])),
    )
    alone = both(
        exceeds(stated["total"], ZERO), is_zero(prompt, call["completion"], reads, writes, reasoning)
    )
    nothing = is_zero(
        prompt, call["completion"], stated["total"], reads, writes, reasoning, call["tool_use"], call["media"],
        call["output_media"], stated["searches"],
    )  # fmt: skip
    found = {
        "beside_prompt": steps.let("beside_prompt", beside_prompt),
        "is_beside_completion": steps.let("is_beside_completion", is_beside_completion, "BOOLEAN"),
        "is_total_alone": steps.let("is_total_alone", alone, "BOOLEAN"),
        "is_missing": steps.let("is_missing", nothing, "BOOLEAN"),
    }
    steps.close()
    return found


def _sums(steps: Steps, stated: dict[str, str], call: dict[str, str]) -> dict[str, str]:
    reads, writes, code = call["reads"], call["writes"], call["beside_prompt"]
    added = {_TOOL_USE: call["tool_use"], _CACHE: plus(reads, writes), _WRITES: writes, _READS: reads}
    beside = (
        ZERO if code == ZERO else choose(*((f"{code} = {n}", v) for n, v in added.items()), otherwise=ZERO)
    )
    all_input = choose((call["is_total_alone"], stated["total"]), otherwise=plus(call["prompt"], beside))
    beside = plus(call["completion"], call["reasoning"])
    all_output = choose((call["is_beside_completion"], beside), otherwise=call["completion"])
    found = {
        "all_input": steps.let("all_input", all_input),
        "all_output": steps.let("all_output", all_output),
    }
    steps.close()
    return found


def _spread(steps: Steps, stated: dict[str, str], call: dict[str, str]) -> dict[str, str]:
    """Give each kind of content its part of the uncached input; what does not fit was cached, though no field says
    so.
    """
    let, reads, writes, all_input = steps.let, call["reads"], call["writes"], call["all_input"]
    cached_stated = [stated[f"cached_{kind}"] for kind in _CONTENTS]
    produced_stated = [stated[f"output_{kind}"] for kind in _CONTENTS]
    room = minus(all_input, reads, writes)
    output_room = minus(call["all_output"], call["reasoning"])
    is_contradictory = either(
        call["is_no_sum"],
        exceeds(call["media"], all_input),
        exceeds(call["output_media"], output_room),
    )
    # LiteLLM subtracts the cached part from each kind of content, others do not; the sum shows which.
    is_without_cache = both(
        exceeds(reads, ZERO), f"{plus(stated['text'], call['media'], reads, writes)} = {all_input}"
    )
    new = [
        let(f"new_{kind}", choose((is_without_cache, stated[kind]), otherwise=over(stated[kind], cached)))
        for kind, cached in zip(_CONTENTS, cached_stated, strict=True)
    ]
    cached = [let(f"cached_{kind}", sql) for kind, sql in _in_turn(cached_stated, reads).items()]
    if any(count != ZERO for count in (*new, *produced_stated)):
        room, output_room = let("room", room), let("output_room", output_room)
    steps.close()
    uncached = _in_turn(new, room)
    outside = [minus(wanted, given) for wanted, given in zip(new, uncached.values(), strict=True)]
    also_cached = _in_turn(outside, minus(reads, *cached))
    produced = _in_turn(produced_stated, output_room)
    found = {"room": room, "output_room": output_room, "is_contradictory": is_contradictory}
    for prefix, given in (("uncached", uncached), ("also_cached", also_cached), ("produced", produced)):
        found |= {f"{prefix}_{kind}": let(f"{prefix}_{kind}", sql) for kind, sql in given.items()}
    steps.close()
    return found | {f"cached_{kind}": sql for kind, sql in zip(_CONTENTS, cached, strict=True)}


def _in_turn(wanted: list[str], room: str) -> dict[str, str]:
    """Return each kind of content's part of a count: audio first, each at most what is left."""
    return {kind: at_most(wanted[n], over(room, *wanted[:n])) for n, kind in enumerate(_CONTENTS)}


def _columns(call: dict[str, str], stated: dict[str, str]) -> tuple[Column, ...]:
    def each(prefix: str) -> list[str]:
        return [call[f"{prefix}_{kind}"] for kind in _CONTENTS]

    counts = {
        "uncached_input_tokens": minus(call["room"], *each("uncached")),
        "cache_read_tokens": minus(call["reads"], *each("cached"), *each("also_cached")),
        "cache_write_5m_tokens": minus(call["writes"], at_most(call["all_writes_1h"], call["writes"])),
        "cache_write_1h_tokens": at_most(call["all_writes_1h"], call["writes"]),
        "output_text_tokens": minus(call["output_room"], *each("produced")),
        "reasoning_tokens": call["reasoning"],
        "input_tokens": call["all_input"],
        "output_tokens": call["all_output"],
        "reported_total_tokens": "null" if stated["total"] == ZERO else f"nullif({stated['total']}, 0)",
        "web_searches": stated["searches"],
        **{
            f"cache_read_{kind}_tokens": plus(call[f"cached_{kind}"], call[f"also_cached_{kind}"])
            for kind in _CONTENTS
        },
        **{f"input_{kind}_tokens": call[f"uncached_{kind}"] for kind in _CONTENTS},
        **{f"output_{kind}_tokens": call[f"produced_{kind}"] for kind in _CONTENTS},
    }
    texts = {
        "usage_source": choose(
            (call["is_missing"], "'missing'"),
            (call["is_contradictory"], "'contradictory'"),
            (stated["is_estimated"], "'estimated'"),
            otherwise="'reported'",
        ),
        "usage_reading": _name(call),
    }
    values = counts | texts
    return tuple(
        Column(name, "VARCHAR" if name in _TEXTS else "BIGINT", values[name]) for name in USAGE_COLUMNS
    )


def _name(call: dict[str, str]) -> str:
    """Return the SQL of the reading in words."""
    inputs = {
        _TOOL_USE: "prompt + tool use",
        _CACHE: "prompt + cache reads + cache writes",
        _WRITES: "prompt + cache writes",
        _READS: "prompt + cache reads",
    }
    code = call["beside_prompt"]

    def of(output: str) -> str:
        cases = (
            ()
            if code == ZERO
            else tuple((f"{code} = {n}", f"'input = {sum_}, {output}'") for n, sum_ in inputs.items())
        )
        return choose(*cases, otherwise=f"'input = prompt, {output}'")

    return choose(
        (call["is_missing"], "null"),
        (call["is_total_alone"], "'input = total'"),
        (call["is_beside_completion"], of("output = completion + reasoning")),
        otherwise=of("output = completion"),
    )
