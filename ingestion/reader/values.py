"""The SQL of one field: its typed value, when that value is in doubt, and what is wrong with a text.

The text decides what a value is, in both forms. DuckDB makes a text of any JSON value, whatever its type, so `1`,
`true` and `"1"` differ only where their texts do:

| kind | texts that are a value |
|---|---|
| text | all; where mandatory neither empty, nor an object, a list or a bare NaN; a secret in it is redacted |
| flag | true, false, t, f, yes, no, y, n, 1, 0, in any case |
| integer, tokens | a whole number, also as 5.0 or 5e3; of no more digits than a BIGINT |
| decimal | a number, rounded once at its last place |
| time | a day or a time as DuckDB reads it, with an offset of at most 14 hours, or the source's wall clock |
| epoch | a number of seconds or milliseconds |

The bulk form accepts what is clearly one of these and leaves the rest in doubt: the text that `strict_json` cuts from
the line decides. A boolean is not a number, but DuckDB casts it to one: a moment in 1970.

Money is proven exact: JSON numbers reach SQL through a double. A double `d` of a decimal literal, and the product `d *
10^scale`, are each off by at most 2^-53 of their value, so the rounded result can only be wrong when the product is
that close to a half. Such lines, and amounts too large for the argument, are in doubt. CSV cells are text already and
cast exactly.

Rulings: docs/decisions/reading.md, docs/decisions/secrets.md#secrets-2.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ingestion.duck import literal
from ingestion.redaction import id_pseudonym_sql, masked_sql, pseudonym_sql
from ingestion.streams import EARLIEST, LATEST, Field, Kind, Stream

#: Whole numbers up to here are exact as doubles.
_EXACT = 1 << 53

#: A plain whole number, and any number of them one after the other.
_WHOLE, _WHOLES = "-?[0-9]+", "[-0-9]*"
#: What DuckDB reads as a time but is not: a word, or an offset no zone of the world has.
_NO_TIME = "^[^0-9]|:[0-9:.]+ *[+-](?:1[5-9]|[2-9][0-9]|14:?(?:[1-5][0-9]|0[1-9])|[0-9]{3}$|[0-9]{3}:)"
#: How DuckDB writes non-finite numbers.
_NOT_FINITE = "(?i)-?(?:nan|inf|infinity)"


def quoted(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def is_embedded(stream: Stream, field: Field) -> bool:
    """Return whether the field is in JSON that is the text of another field."""
    return field.path.partition(".")[0] in stream.embedded


def place(stream: Stream, field: Field) -> str:
    """Return the SQL of a field's value as it was read."""
    return ".".join(quoted(key) for key in stream.keys(field))


def read_type(stream: Stream, field: Field) -> str:
    """Return the type a clean file's value is read as."""
    kind = field.kind
    if is_embedded(stream, field):
        return "VARCHAR"
    if kind.name == "decimal" and stream.format.name == "csv":
        return kind.sql_type
    return "DOUBLE" if kind.name == "epoch" else "VARCHAR"


def bulk_value(stream: Stream, field: Field) -> str:
    """Return the typed value of a field of a clean file."""
    kind, value = field.kind, place(stream, field)
    match kind.name:
        case "integer" | "tokens" | "flag":
            return f"cast({value} as {kind.sql_type})"
        case "decimal":
            return f"cast({_number(stream, field)} as {kind.sql_type})"
        case "time":
            return _utc(f"cast({value} as timestamptz)")
        case "epoch":
            return _moment(_number(stream, field), field)
        case "text":
            return _redacted(kind, value)
    return value


def _number(stream: Stream, field: Field) -> str:
    value = place(stream, field)
    return f"cast({value} as double)" if read_type(stream, field) == "VARCHAR" else value


def _redacted(kind: Kind, text: str) -> str:
    """Return the SQL of what may be kept of a text; what a secret is depends on what the text holds."""
    redact = {"name": pseudonym_sql, "id": id_pseudonym_sql, "prose": masked_sql}
    return redact[kind.holds](text)


def _moment(number: str, field: Field) -> str:
    return f"make_timestamp(cast(round({number} * {1_000_000 // field.kind.per_second}e0) as bigint))"


def _utc(moment: str) -> str:
    # A cast to timestamp would give the session's wall clock, at ten times the cost.
    return f"make_timestamp(epoch_us({moment}))"


def doubts(stream: Stream, fields: Iterable[Field]) -> list[str]:
    """Return conditions over the values as read under which only the text of the line can decide."""
    fields = list(fields)
    whole = [place(stream, field) for field in fields if field.kind.name in ("integer", "tokens")]
    # Checking all counts of a line costs as much as checking one.
    found = [f"not regexp_full_match(concat({', '.join(whole)}), {literal(_WHOLES)})"] if whole else []
    return found + [doubt for field in fields for doubt in _doubts(stream, field)]


def _doubts(stream: Stream, field: Field) -> list[str]:
    value, is_csv = place(stream, field), stream.format.name == "csv"
    match field.kind.name:
        case "text" if field.mandatory and not is_csv:
            # An object reads as its JSON text; only the line distinguishes it from a name in braces.
            word = f"length({value}) < 10 and regexp_full_match({value}, {literal(_NOT_FINITE)})"
            return [f"starts_with({value}, '{{') or starts_with({value}, '[') or {word}"]
        case "time":
            return [f"not ends_with({value}, 'Z') and regexp_matches({value}, {literal(_NO_TIME)})"]
        case "decimal" if read_type(stream, field) == "VARCHAR":
            number = _number(stream, field)
            scaled = f"abs({number}) * 1e{field.kind.scale}"
            # From 5e14 on everything is within the tolerance: too large for the argument is in doubt too.
            near_a_half = f"abs({scaled} - trunc({scaled}) - 0.5) <= {scaled} * 1e-15"
            return [near_a_half]
    return []


def text(field: Field) -> str:
    """Name of a field's text beside its value, in the careful form."""
    return quoted(f"{field.name} as text")


def careful_value(field: Field) -> str:
    """Return the typed value of a field's text; null if the text is no such value."""
    kind, written = field.kind, text(field)
    match kind.name:
        case "integer" | "tokens":
            return f"case when regexp_full_match({written}, {literal(_WHOLE)}) then try_cast({written} as bigint) end"
        case "decimal" | "flag":
            return f"try_cast({written} as {kind.sql_type})"
        case "time":
            moment = f"try_cast({written} as timestamptz)"
            return f"case when not regexp_matches({written}, {literal(_NO_TIME)}) then {_utc(moment)} end"
        case "epoch":
            number = f"try_cast({written} as double)"
            bounds = (kind.per_second * second for second in (-62_135_596_800, 253_402_300_799))
            representable = f"{number} between {' and '.join(map(str, bounds))}"
            return f"case when {representable} then {_moment(number, field)} end"
    return _redacted(kind, written)


def careful_checks(field: Field) -> list[tuple[str, str, str]]:
    """Return (reason, field, condition) for a text that its type does not accept."""
    written = text(field)
    lost = f"{written} is not null and {quoted(field.name)} is null"
    match field.kind.name:
        case "integer" | "tokens":
            digits = f"regexp_full_match({written}, {literal(_WHOLE)})"
            return [
                ("integer_out_of_range", field.path, f"{lost} and {digits}"),
                ("wrong_type", field.path, lost),
            ]
        case "decimal":
            number = f"try_cast({written} as double) is not null"
            return [
                ("money_out_of_range", field.path, f"{lost} and {number}"),
                ("wrong_type", field.path, lost),
            ]
        case "flag":
            return [("wrong_type", field.path, lost)]
        case "time" | "epoch":
            return [("invalid_time", field.path, lost)]
    return []


def shared_checks(
    stream: Stream, *, stated_by_footer: bool = True, without: Collection[str] = ()
) -> list[tuple[str, str, str]]:
    """Return (reason, field, condition over field and column names) that hold in both forms.

    Args:
        stream: The stream.
        stated_by_footer: Include those that the statistics of the written Parquet can answer.
        without: Optional fields that are null anyway.
    """
    checks = []
    footer = set() if stated_by_footer else {field.name for field in _in_footer(stream)}
    for field in stream.fields:
        if field.name in footer or field.name in without:
            continue
        name = quoted(field.name)
        if field.mandatory and field.kind.name == "text":
            checks.append(("missing_field", field.path, f"{name} is null or {name} = ''"))
        elif field.mandatory:
            checks.append(("missing_field", field.path, f"{name} is null"))
        limit = field.kind.limit
        if field.kind.name == "tokens":
            checks.append(("token_count_out_of_range", field.path, f"{name} not between 0 and {limit}"))
        elif limit:
            reason = "integer_out_of_range" if field.kind.name == "integer" else "money_out_of_range"
            checks.append((reason, field.path, f"{name} not between {-limit} and {limit}"))
        if field.kind.sql_type == "TIMESTAMP":
            bounds = f"timestamp '{EARLIEST}' and timestamp '{LATEST}'"
            checks.append(("time_out_of_range", field.path, f"{name} not between {bounds}"))
    named = {field.name for field in stream.fields} - set(without)
    of_usage = stream.usage.checks(named) if stream.usage else ()
    checks.extend((check.reason, check.field, check.condition) for check in (*stream.checks, *of_usage))
    return checks


def _in_footer(stream: Stream) -> list[Field]:
    """Return the fields whose column is a column of raw, so that Parquet statistics cover them."""
    columns = {column for column in stream.columns if isinstance(column, str)}
    return [field for field in stream.fields if field.name in columns]


def footer_doubts(stream: Stream) -> str:
    """Return the condition over a row of `parquet_metadata` that a check of a column may not hold.

    A column without statistics is in doubt.
    """
    lowest, highest = "stats_min_value", "stats_max_value"
    found = []
    for field in _in_footer(stream):
        bad = []
        if field.mandatory:
            bad.append("stats_null_count is distinct from 0")
            if field.kind.name == "text":
                bad.append(f"coalesce({lowest}, '') = ''")
        if field.kind.name == "integer":
            most = field.kind.limit or _EXACT
            bad.append(f"greatest(-try_cast({lowest} as hugeint), try_cast({highest} as hugeint)) > {most}")
        elif field.kind.name == "tokens":
            bad.append(
                f"try_cast({lowest} as bigint) < 0 or try_cast({highest} as bigint) > {field.kind.limit}"
            )
        elif most := field.kind.limit:
            bad.append(f"greatest(-try_cast({lowest} as double), try_cast({highest} as double)) >= {most}")
        if field.kind.sql_type == "TIMESTAMP":
            bounds = f"timestamp '{EARLIEST}'", f"timestamp '{LATEST}'"
            bad.append(f"try_cast({lowest} as timestamp) < {bounds[0]}")
            bad.append(f"try_cast({highest} as timestamp) > {bounds[1]}")
        if bad:
            silent = f"{lowest} is null and stats_null_count is distinct from num_values"
            found.append(f"when {literal(field.name)} then {' or '.join([silent, *bad])}")
    return f"case path_in_schema {' '.join(found)} else false end" if found else "false"


def embedded_value(key: str, structure: str) -> str:
    """Return the SQL that opens the JSON text of a field as a struct of texts."""
    return f"from_json({embedded_text(key)}, {literal(structure)})"


def embedded_keys(key: str, folders: Iterable[str]) -> str:
    """Return the SQL of the keys of objects in a field's JSON text, a list of lists.

    Args:
        key: The field whose text is JSON.
        folders: JSON paths of the objects.
    """
    return f"json_keys({embedded_text(key)}, {_texts(folders)})"


def embedded_has_twice(key: str, folders: list[str]) -> str:
    """Return the condition that some object in a field's JSON text has a key twice; opening keeps one."""
    keys = embedded_keys(key, folders)
    twice = "lambda tollbook_keys: len(tollbook_keys) <> len(list_distinct(tollbook_keys))"
    return f"len(list_filter({keys}, {twice})) > 0"


def known_keys(key: str) -> str:
    """Name of the column of the keys that `embedded_is_known` compares.

    It has to be a column: within an expression that is not always needed, comparing keys costs four times as much.
    """
    return quoted(f"tollbook keys of {key}")


def embedded_is_known(key: str, known: Iterable[Iterable[Iterable[str] | None]]) -> str:
    """Return the condition that a field's JSON text is empty, `null` or has known keys.

    Args:
        key: The field whose text is JSON; its `known_keys` must be a column beside it.
        known: The keys of each object in `known_keys`, of each shape that is known to be in order.
    """
    shapes = [
        _list("null" if keys is None else _list(map(literal, keys)) for keys in shape) for shape in known
    ]
    # `list_contains` on lists of lists costs half of `in`.
    is_known = f" or list_contains({_list(shapes)}, {known_keys(key)})" if shapes else ""
    return f"({embedded_text(key)} is null{is_known})"


def embedded_doubt(key: str, known: Iterable[Iterable[Iterable[str] | None]], all_folders: list[str]) -> str:
    """Return the condition that parsing would lose content: the text is no object, or has a key twice.

    Args:
        key: As in `embedded_is_known`.
        known: As in `embedded_is_known`.
        all_folders: JSON paths of the objects in it that hold declared fields, itself first.
    """
    written = embedded_text(key)
    doubts = [f"not starts_with({written}, '{{')", embedded_has_twice(key, all_folders)]
    if len(all_folders) > 1:
        types = f"json_type({written}, {_texts(all_folders[1:])})"
        doubts.append(
            f"list_has_any({types}, ['ARRAY', 'BOOLEAN', 'BIGINT', 'UBIGINT', 'DOUBLE', 'VARCHAR'])"
        )
    is_known = embedded_is_known(key, known)
    return f"case when {is_known} then false else {' or '.join(doubts)} end"


def embedded_text(key: str) -> str:
    """Return the SQL of an embedded field's text, null where it is empty or `null`."""
    return f"case when {quoted(key)} not in ('', 'null') then {quoted(key)} end"


def _list(items: Iterable[str]) -> str:
    return f"[{', '.join(items)}]"


def _texts(texts: Iterable[str]) -> str:
    return _list(map(literal, texts))
