"""Recorded streams of server-sent events become record lines: one response a line.

The last chunk with `usage` becomes the record of a response; without one, its first chunk does. Text is never copied:
`choices` are left out.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ingestion.reader.formats import json_text
from ingestion.reader.formats.json_text import NotJson

LONGEST_LINE = 64 << 20
_DONE = "[DONE]"
_CONTENT = ("candidates", "choices", "content", "delta", "output")
#: Where an event holds the response: OpenAI's responses, Anthropic's messages.
_AROUND = ("response", "message")
_DELTA = '"message_delta"'
_USAGE = ("usage", "usageMetadata")
#: The response's own id; Gemini's chunks have the second.
_IDS = ("id", "responseId")
#: Fields of the protocol, not of the response.
_OTHER = (":", "event", "id", "retry")


@dataclass
class Recording:
    """What a recording holds.

    Attributes:
        numbers: For every response, in order: the line of the chunk that became its record.
        faults: (line, reason) of lines that are no event.
    """

    numbers: array[int] = field(default_factory=lambda: array("q"))
    faults: list[tuple[int, str]] = field(default_factory=list)


@dataclass
class _Response:
    first: dict[str, str] | None = None
    line: int = 0
    last: dict[str, str] | None = None

    def add(self, number: int, chunk: dict[str, str]) -> None:
        has_usage = any(chunk.get(name, "null") != "null" for name in _USAGE)
        if chunk.get("type") == _DELTA and has_usage and self.last:
            # Anthropic sends input counts first and output counts last.
            counts = {**_members(self.last.get("usage", "{}")), **_members(chunk["usage"])}
            chunk = {**chunk, "usage": _written(counts)}
        if self.first is None or has_usage:
            self.last, self.line = chunk, number
        if self.first is None:
            self.first = chunk

    def is_other(self, chunk: dict[str, str]) -> bool:
        """Return whether a chunk belongs to another response, because this one was cut off."""
        return any(
            name in chunk and chunk[name] != mine for name, mine in (self.first or {}).items() if name in _IDS
        )

    def record(self, line_key: str) -> str:
        """Return the record with its line; fields missing from the last chunk come from the first."""
        whole = {**self.first, **self.last, line_key: str(self.line)}
        return _written(whole)


def collect(recording: Path, size: int, target: Path, line_key: str) -> Recording:
    """Write the responses of a recording to `target`, one a line, each with its line number at `line_key`."""
    found = Recording()
    response = _Response()
    with target.open("w", encoding="utf-8") as out:

        def close() -> None:
            nonlocal response
            if response.first is not None:
                found.numbers.append(response.line)
                out.write(response.record(line_key) + "\n")
            response = _Response()

        for number, line in _lines(recording, size):
            if line is None:
                found.faults.append((number, "line_too_long"))
                continue
            try:
                data = _data(line.decode("utf-8"))
                if data == _DONE:
                    close()
                elif data is not None:
                    chunk = _opened(_members(data))
                    if response.is_other(chunk):
                        close()
                    response.add(number, chunk)
            except UnicodeDecodeError:
                found.faults.append((number, "invalid_utf8"))
            except NotJson as fault:
                found.faults.append((number, str(fault)))
        close()
    return found


def _lines(recording: Path, size: int) -> Iterator[tuple[int, bytes | None]]:
    with recording.open("rb") as handle:
        number = 1
        while handle.tell() < size and (line := handle.readline(LONGEST_LINE)):
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                while (rest := handle.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                    pass
                yield number, None
            else:
                yield number, line
            number += 1


def _data(line: str) -> str | None:
    """Return the data of a line of the stream, or None if it has none.

    Raises:
        NotJson: it is not a line of an event stream.
    """
    line = line.strip("\ufeff \t\r\n")
    name, colon, value = line.partition(":")
    if not line or line.startswith(":") or (name in _OTHER and colon):
        return None
    if name != "data" or not colon:
        raise NotJson("malformed_event")
    return value.strip()


def _opened(chunk: dict[str, str]) -> dict[str, str]:
    """Return the response that an event is about, from inside the event."""
    inside = next((chunk[name] for name in _AROUND if chunk.get(name, "").startswith("{")), None)
    return chunk if inside is None else _members(inside)


def _written(members: dict[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in members.items()) + "}"


def _members(data: str) -> dict[str, str]:
    """Return the texts of an object's members, without content.

    Raises:
        NotJson: it is no JSON object.
    """
    try:
        if not data.startswith("{") or json_text.end_of_value(data, 0) != len(data):
            raise NotJson("malformed_json")
        found: dict[str, str] = {}
        for key, start, end in json_text.members(data, 0):
            if key in found:
                raise NotJson("duplicate_key")
            if key not in _CONTENT:
                found[key] = data[start:end]
    except NotJson as fault:
        known = ("malformed_json", "duplicate_key")
        raise NotJson(str(fault) if str(fault) in known else "malformed_json") from None
    return found
