"""The SQL that turns a landing file into a raw table, written from a stream's declaration.

Two forms of one statement, equal in every value they accept:

- *bulk*: strict types, and `error()` at the first line that is suspect, so it yields a whole clean file or nothing; it
may also be written for an expected layout, and then stops at the first line that has more;
- *careful*: every value is read as its text, a `reject` column names what is wrong with a line.

What a text means is the same in both; docs/reading.md says why there are two.

The SQL of one field is in `values`; which form reads which file is decided in `formats`.

Rulings: docs/decisions/reading.md.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from ingestion.duck import literal
from ingestion.reader import extras, unknown_names, values
from ingestion.reader.values import quoted
from ingestion.streams import Column, Stream

#: Keys under which the careful read passes to SQL a line's number, its undeclared fields, and the names of those in
#: watched objects.
LINE_KEY = "tollbook raw line"
EXTRA_KEY = "tollbook extra"
UNKNOWN_KEY = "tollbook unknown fields"
#: More shapes than this are not worth comparing with.
_MOST_SHAPES = 20
#: DuckDB reads records of 16 MiB by default.
_LONGEST_USUAL = 15 << 20
_UNSURE = "tollbook embedded doubt"
#: Error of the bulk statement at a line that has more than expected, but may be valid.
UNEXPECTED = "unexpected line"
#: Raise it when the same declaration would now give other rows, rejects or load records: every file is then read again.
READER_VERSION = 7


@dataclass(frozen=True)
class Shapes:
    """Known sets of keys, without duplicates, of the JSON text of an embedded field.

    Attributes:
        key: The field.
        folders: JSON paths of the objects in it that hold declared fields, itself first; those that are in no
            known text are left out.
        known: Of each shape, the keys of these objects; None for one that is not there.
    """

    key: str
    folders: tuple[str, ...] = ("$",)
    known: tuple[tuple[tuple[str, ...] | None, ...], ...] = ()

    def has(self, folder: str, leaf: str) -> bool:
        """Return whether a key is in an object of some known text."""
        if folder not in self.folders:
            return False
        place = self.folders.index(folder)
        return any(leaf in (shape[place] or ()) for shape in self.known)


@dataclass(frozen=True)
class Layout:
    """What is known of one file before its rows are read.

    Attributes:
        header: CSV: what each column is: a field's name, an embedded field's path, or '' for an undeclared one.
        titles: CSV: the headers as written.
        delimiter: CSV: the delimiter.
        extra: Undeclared top-level fields that are kept.
        unknown: CSV: undeclared headers.
        shapes: What is known of the JSON in embedded fields.
        absent: Fields that are expected in no line, those in embedded JSON aside.
        absent_objects: Keys that lead to objects that are expected in no line, so that all fields in them are absent.
        numbered: Every record carries its line number.
    """

    header: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    unknown: frozenset[str] = frozenset()
    shapes: tuple[Shapes, ...] = ()
    absent: frozenset[str] = frozenset()
    absent_objects: frozenset[tuple[str, ...]] = frozenset()
    numbered: bool = False
    delimiter: str = ","


def _tree(stream: Stream, types: dict[str, str]) -> dict[str, Any]:
    """Return the declared fields that have a type nested as in a record; leaves are types by field name."""
    tree: dict[str, Any] = {}
    for field in stream.fields:
        if field.name not in types:
            continue
        *folders, leaf = stream.keys(field)
        node = tree
        for folder in folders:
            node = node.setdefault(folder, {})
        node[leaf] = types[field.name]
    return tree


def _sql_type(node: dict[str, Any] | str) -> str:
    if isinstance(node, str):
        return node
    return "STRUCT(" + ", ".join(f"{quoted(key)} {_sql_type(inner)}" for key, inner in node.items()) + ")"


def _columns_argument(columns: dict[str, dict[str, Any] | str]) -> str:
    return (
        "{" + ", ".join(f"{quoted(key)}: {literal(_sql_type(node))}" for key, node in columns.items()) + "}"
    )


def _folders(tree: dict[str, Any], path: str = "$") -> list[str]:
    """Return the JSON paths of an object and the objects in it."""
    found = [path]
    for key, node in tree.items():
        if isinstance(node, dict):
            found += _folders(node, f'{path}."{key}"')
    return found


def typed_from_fields(stream: Stream, absent: Collection[str] = ()) -> str:
    """Return the CTEs from `fields` to `typed`, which adds all columns computed from fields.

    Args:
        stream: The stream.
        absent: Fields that are not among `fields`, see `_unneeded`, or null.
    """
    computed = tuple(column for column in stream.columns if isinstance(column, Column))
    present = {field.name for field in stream.fields} - set(absent)
    steps = [step for step in (computed, *(stream.usage.steps(present) if stream.usage else ())) if step]
    if not steps:
        return "typed as (select * from fields)"
    names = ["fields", *(f"step_{place}" for place in range(1, len(steps))), "typed"]
    return ", ".join(
        f"{name} as (select *, {', '.join(f'cast({c.sql} as {c.sql_type}) as {quoted(c.name)}' for c in step)}"  # noqa: S608
        f" from {before})"
        for before, name, step in zip(names, names[1:], steps, strict=False)
    )


def _unneeded(stream: Stream, absent: Collection[str]) -> set[str]:
    """Return the absent fields of a stream that are needed only to read its usage."""
    if not stream.usage:
        return set()
    columns = (column.sql if isinstance(column, Column) else column for column in stream.columns)
    used = {name for sql in columns for name in re.findall(r"\w+", sql)}
    return {field.name for field in stream.usage.fields if field.name in absent} - used


@dataclass(frozen=True)
class Reading:
    """One file to read, and the origin that its rows carry.

    Attributes:
        stream: What to read.
        time_zone: Zone of times without an offset; the session must run in it.
        source: Name of the source.
        raw_file: The landing file, relative to landing/.
        delivered_on: Day of delivery.
    """

    stream: Stream
    time_zone: str
    source: str
    raw_file: str
    delivered_on: date

    def _outputs(self, source: str, raw_line: str, extra: str) -> str:
        stream = self.stream
        occurred = [f"{quoted(stream.occurred_at)} as occurred_at"] if stream.occurred_at else []
        return ", ".join(
            [
                f"{source} as source",
                f"{literal(self.raw_file)} as raw_file",
                f"{raw_line} as raw_line",
                f"cast({stream.format.first_line} as bigint) as first_line",
                f"date '{self.delivered_on}' as delivered_on",
                *occurred,
                *(quoted(column.name) for column in stream.raw_columns()),
                *([f"{quoted(UNKNOWN_KEY)} as unknown_fields"] if stream.watched else []),
                f"{extra} as extra",
            ]
        )

    def version(self) -> str:
        """Return a fingerprint of everything that decides what a line becomes."""
        return _version(self.stream, self.time_zone)

    def bulk(
        self, path: Path, layout: Layout = Layout(), *, has_header: bool = False, as_expected: bool = False
    ) -> str:
        """Return the statement that reads a clean file whole, or fails.

        What `footer_doubts` checks is not checked here. Rows have a `raw_line` only if the layout is numbered.

        Args:
            path: Plain file.
            layout: What the file has of its own.
            has_header: CSV: the first line is the header.
            as_expected: Fail, saying `UNEXPECTED`, at a line with a field or an embedded shape that the layout
                does not know. Absent fields then cost nothing.
        """
        stream = self.stream
        shapes = {key: Shapes(key) for key in stream.embedded} | {shape.key: shape for shape in layout.shapes}
        absent, left_out = (layout.absent, _in_no_shape(stream, shapes)) if as_expected else (set(), set())
        nothing = absent | left_out
        unneeded = _unneeded(stream, nothing)
        there = [field for field in stream.fields if field.name not in nothing]
        unexpected = []
        types = {f.name: values.read_type(stream, f) for f in there}
        tree, whole = _tree(stream, types), _tree(stream, dict.fromkeys((f.name for f in stream.fields), ""))
        doubts = values.doubts(stream, there)
        if absent:
            places = _absent_places(stream, layout)
            for keys in places:
                _set(tree, keys, "VARCHAR")
            unexpected.append(
                f"coalesce({', '.join('.'.join(map(quoted, keys)) for keys in places)}) is not null"
            )
        opened, compared, unsure = [], [], []
        unknown = "cast(null as varchar)"
        for key in stream.embedded:
            shape = shapes[key]
            if any(path.partition(".")[0] == key for path in stream.watched):
                unknown = self._unknown(key, shape, as_expected=as_expected)
            if shape.known:
                compared.append(f"{values.embedded_keys(key, shape.folders)} as {values.known_keys(key)}")
            opened.append(
                f"{values.embedded_value(key, json.dumps(tree.get(key, {_UNSURE: 'VARCHAR'})))} as {quoted(key)}"
            )
            if as_expected:
                unsure.append(f"not {values.embedded_is_known(key, shape.known)}")
            else:
                unsure.append(values.embedded_doubt(key, shape.known, _folders(whole[key])))
            tree[key] = "VARCHAR"
        if stream.format.name == "csv":
            rows, extra = _read_csv(path, tree, layout, has_header=has_header), extras.of_cells(layout)
        else:
            extra = extras.of_columns(layout.extra)
            line = {LINE_KEY: "BIGINT"} if layout.numbered else {}
            rows = _read_json(path, {**tree, **dict.fromkeys(layout.extra, "JSON"), **line})
        if compared:
            rows = f"(select *, {', '.join(compared)} from {rows})"  # noqa: S608
        if opened:
            rows = (
                f"(select * replace ({', '.join(opened)}), {' or '.join(unsure)} as {quoted(_UNSURE)},"  # noqa: S608
                f" {unknown} as {quoted(UNKNOWN_KEY)} from {rows})"
            )
            (unexpected if as_expected else doubts).append(quoted(_UNSURE))
        line_number = quoted(LINE_KEY) if layout.numbered else "cast(null as bigint)"
        typed = ", ".join(
            f"cast(null as {f.kind.sql_type}) as {quoted(f.name)}"
            if f.name in nothing
            else f"{values.bulk_value(stream, f)} as {quoted(f.name)}"
            for f in stream.fields
            if f.name not in unneeded
        )
        checks = values.shared_checks(stream, stated_by_footer=False, without=nothing)
        suspect = " or ".join(["doubtful", *(f"({condition})" for _, _, condition in checks)])
        source = f"case when {suspect} then error('suspect line') else {literal(self.source)} end"
        return (
            f"with fields as (select {typed},"  # noqa: S608
            f" case when {' or '.join(['false', *unexpected])} then error({literal(UNEXPECTED)})"
            f" else {' or '.join(['false', *doubts])} end as doubtful,"
            f" {line_number} as {quoted(LINE_KEY)}, {extra} as {quoted(EXTRA_KEY)}{_handed(stream)}"
            f" from {rows}),"
            f" {typed_from_fields(stream, nothing)}"
            f" select {self._outputs(source, quoted(LINE_KEY), quoted(EXTRA_KEY))} from typed"
        )

    def _unknown(self, key: str, shape: Shapes, *, as_expected: bool) -> str:
        """Return the SQL of the undeclared names in an embedded field: null, at no cost, where its shape has none."""
        known = [
            keys for keys in shape.known if unknown_names.are_known(self.stream, key, shape.folders, keys)
        ]
        if as_expected and len(known) == len(shape.known):
            return "cast(null as varchar)"
        names = unknown_names.in_sql(self.stream, key, values.embedded_text(key))
        # A text that is no object is in doubt anyway.
        is_object = f"starts_with({quoted(key)}, '{{')"
        nothing = f"not {is_object} or {values.embedded_is_known(key, known)}"
        return f"case when {nothing} then null else {names} end"

    def footer_doubts(self, written: Path) -> str:
        """Return the statement that checks the footer of the file `bulk` wrote.

        Checking limits and missing values there costs nothing; row by row it costs a tenth of the read.
        """
        return (
            f"select coalesce(bool_or({values.footer_doubts(self.stream)}), false)"  # noqa: S608
            f" from parquet_metadata({literal(written)})"
        )

    @staticmethod
    def keys(path: Path) -> str:
        """Return the statement that lists the top-level keys of a file's records."""
        return (
            f"select distinct unnest(keys) from (select json_keys(json) as keys"  # noqa: S608
            f" from read_ndjson_objects({literal(path)}, compression = 'none') group by keys)"
        )

    def folders(self, key: str) -> list[str]:
        """Return the JSON paths of the objects in an embedded field that hold declared fields, itself first."""
        stream = self.stream
        return _folders(_tree(stream, dict.fromkeys((f.name for f in stream.fields), ""))[key])

    def shapes(self, key: str) -> str:
        """Return the statement that gives the usual shapes in order of an embedded field's texts.

        The texts are its only parameter, a list. Its column is the keys of each of `folders`. An object without keys is
        in no shape.
        """
        keys = values.embedded_keys(key, self.folders(key))
        return (
            f"select {keys} as keys from (select unnest(?) as {quoted(key)})"  # noqa: S608
            f" where not {values.embedded_has_twice(key, self.folders(key))} and not list_contains(keys, [])"
            f" group by all order by count(*) desc, keys limit {_MOST_SHAPES}"
        )

    def careful(self, path: Path, longest: int = 0, absent: Collection[str] = ()) -> str:
        """Return the statement that reads records the careful parser wrote.

        It has one column more, `reject`: null, or the reason and the field, as `reason|field`.

        Args:
            path: The records, one a line.
            longest: Bytes of the longest.
            absent: Optional fields that none of them has.
        """
        stream = self.stream
        unneeded = _unneeded(stream, absent)
        fields = [field for field in stream.fields if field.name not in unneeded]
        tree = _tree(stream, dict.fromkeys((f.name for f in fields), "VARCHAR"))
        handed = {UNKNOWN_KEY: "VARCHAR"} if stream.watched else {}
        rows = _read_json(path, {**tree, LINE_KEY: "BIGINT", EXTRA_KEY: extras.TYPE, **handed}, longest)
        texts = ", ".join(f"{values.place(stream, f)} as {values.text(f)}" for f in fields)
        typed = ", ".join(f"{values.careful_value(f)} as {quoted(f.name)}" for f in fields)
        checks = [check for field in fields for check in values.careful_checks(field)]
        checks += values.shared_checks(stream, without=unneeded)
        reject = " ".join(f"when {when} then {literal(f'{reason}|{at}')}" for reason, at, when in checks)
        return (
            f"with texts as (select {texts}, {quoted(LINE_KEY)},"  # noqa: S608
            f" {extras.of_members(quoted(EXTRA_KEY))} as {quoted(EXTRA_KEY)}{_handed(stream)}"
            f" from {rows}),"
            f" fields as (select *, {typed} from texts),"
            f" {typed_from_fields(stream, unneeded)}"
            f" select {self._outputs(literal(self.source), quoted(LINE_KEY), quoted(EXTRA_KEY))},"
            f" case {reject} end as reject from typed"
        )


def _handed(stream: Stream) -> str:
    """Return the select item that passes on the names of undeclared fields."""
    return f", {quoted(UNKNOWN_KEY)}" if stream.watched else ""


def _absent_places(stream: Stream, layout: Layout) -> list[tuple[str, ...]]:
    """Return where nothing is expected: absent fields, or the outermost object of which they all are."""
    expected = {
        keys[:depth]
        for field, keys in stream.places
        if field.name not in layout.absent
        for depth in range(len(keys))
    }
    objects = layout.absent_objects - expected
    places = {}
    for field, keys in stream.places:
        if field.name in layout.absent:
            above = (keys[:depth] for depth in range(1, len(keys)) if keys[:depth] in objects)
            places[next(above, keys)] = None
    return list(places)


def _set(tree: dict[str, Any], keys: tuple[str, ...], sql_type: str) -> None:
    *folders, leaf = keys
    for folder in folders:
        tree = tree.setdefault(folder, {})
    tree[leaf] = sql_type


def _in_no_shape(stream: Stream, shapes: dict[str, Shapes]) -> set[str]:
    """Return the fields in embedded JSON that no known text has."""
    found = set()
    for field in stream.fields:
        if values.is_embedded(stream, field):
            key, *folders, leaf = stream.keys(field)
            folder = "".join(["$", *(f'."{name}"' for name in folders)])
            if not shapes[key].has(folder, leaf):
                found.add(field.name)
    return found


def _read_json(path: Path, columns: dict[str, Any], longest: int = 0) -> str:
    size = f" maximum_object_size = {longest}," if longest > _LONGEST_USUAL else ""
    return (
        f"read_json({literal(path)}, format = 'newline_delimited', compression = 'none',{size}"
        f" columns = {_columns_argument(columns)})"
    )


def _read_csv(path: Path, types: dict[str, str], layout: Layout, *, has_header: bool) -> str:
    columns = {
        name or extras.column(number): types[name] if name else "VARCHAR"
        for number, name in enumerate(layout.header)
    }
    absent = [f"cast(null as {types[name]}) as {quoted(name)}" for name in types if name not in columns]
    rows = (
        f"read_csv({literal(path)}, auto_detect = false, header = {str(has_header).lower()},"
        f" delim = {literal(layout.delimiter)},"
        " quote = '\"', escape = '\"', nullstr = '', strict_mode = true, compression = 'none',"
        f" columns = {_columns_argument(columns)})"
    )
    return f"(select {', '.join(['*', *absent])} from {rows})"  # noqa: S608


@cache
def _version(stream: Stream, time_zone: str) -> str:
    anywhere = Reading(stream, time_zone, "", "", date.min)
    names = tuple(dict.fromkeys(stream.keys(field)[0] for field in stream.fields))
    layout = Layout(header=names, titles=names)
    inputs = (
        READER_VERSION,
        time_zone,
        anywhere.bulk(Path(), layout),
        anywhere.careful(Path()),
        stream.provider,
        stream.model,
        stream.format,
        [(field.path, field.aliases) for field in stream.fields],
        stream.dropped,
    )
    return hashlib.sha256(repr(inputs).encode()).hexdigest()[:16]
