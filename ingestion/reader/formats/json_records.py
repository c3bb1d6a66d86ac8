"""JSON in any shape becomes record lines, cut out as text and written one per line.

A file is a sequence of values: objects, one a line or printed over many lines; lists of objects; bodies of an API,
which hold their records at a path. An object is a record, and so is every element of a list. The file is read block by
block: only the current value is in memory.

Damage does not spread. Outside a list a line that is a complete value is always a record; a line that is neither
complete nor the beginning of a complete value is rejected. In a list, and in a value of several lines, a broken record
ends before the next line that is not indented deeper.

The lines of a delivery are its records, broken ones included, and the blank lines between them; an empty list counts as
a blank line.
"""

from __future__ import annotations

import codecs
import re
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TextIO

from ingestion.reader.formats import json_pages, json_text
from ingestion.reader.formats.json_pages import LONGEST_BODY, BadPage
from ingestion.reader.formats.json_text import NotJson
from ingestion.reader.sql import LINE_KEY
from ingestion.streams import PAGE, Format, Stream

_BLOCK = 1 << 20
_BLANK = b"\xef\xbb\xbf \t\r\n\v\f"
#: What may stand between values.
_SPACE = "\ufeff \t\r\v\f"
_BETWEEN = re.compile(rf"[{_SPACE}\n]*")
_INDENT = re.compile(r"\n([ \t]*)(?=[^ \t\r\n])")
_LINE_BREAKS = re.compile(r"[ \t\r]*\n[ \t\r\n]*")
#: The beginning of a list of records.
_LIST = re.compile(r"\[[ \t\r]*(?:[{\]]|\n)")
#: A line that is a complete object, because the next line begins another.
_LINE = re.compile(r"(\{.*\}[ \t\r]*)\n(?=\{)")
#: A line within a value that may be an object of its own.
_LINE_WITHIN = re.compile(r"\n(?=(\{\".*\})[ \t\r]*\n)")
#: In a line with several records, where the one after a broken one begins.
_NEXT_IN_LINE = re.compile(r",[ \t]*(?=\{)")
_NEXT_AFTER_OBJECT = re.compile(r"(?<=\})[ \t]*,[ \t]*(?=\{)")
#: What ends a broken record on a line that may already begin the next one.
_CLOSERS = re.compile(r"\n[ \t]*\}+")
#: Characters kept of a broken record of many lines.
_KEPT = 1 << 16


@dataclass
class Unfolded:
    """What was found in a file.

    Attributes:
        lines: Records written to the target.
        numbers: Line each of them begins on; None where two objects begin on one line, or come from an API's body: then
            only their position is known.
        blank_lines: Blank lines between values, and empty lists.
        faults: (line or place, reason, field) of bodies without records.
        has_pages: Some value was an API's body.
        byte_order_mark: The file began with one.
    """

    lines: int = 0
    numbers: array[int] | None = field(default_factory=lambda: array("q"))
    blank_lines: int = 0
    faults: list[tuple[int, str, str]] = field(default_factory=list)
    has_pages: bool = False
    byte_order_mark: bool = False


def begins_as_lines(plain: Path, size: int) -> bool:
    """Return whether the first non-blank line looks like a complete object."""
    with plain.open("rb") as handle:
        while handle.tell() < size and (line := handle.readline(LONGEST_BODY)):
            if line.strip(_BLANK):
                return _is_object(line)
    return False


def are_lines(plain: Path, size: int, form: Format) -> bool:
    """Return whether every line is a record of its own."""
    page = f'"{form.records.partition(".")[0]}"'.encode() if form.records else b""
    with plain.open("rb") as handle:
        while handle.tell() < size and (line := handle.readline(LONGEST_BODY)):
            if line.strip(_BLANK) and (not _is_object(line) or (page and page in line)):
                return False
    return True


def _is_object(line: bytes) -> bool:
    line = line.strip(_BLANK)
    return line.startswith(b"{") and line.endswith(b"}")


def unfold(
    plain: Path, size: int, target: Path, stream: Stream, *, is_body: bool, is_cut: bool = False
) -> Unfolded:
    """Write the records of a file to `target`, one a line, objects with their line number at `LINE_KEY`.

    Args:
        plain: The file, in UTF-8.
        size: Bytes of it to read.
        target: File to write.
        stream: Whose records.
        is_body: The file is one API response: if nothing in it is complete, that is one fault.
        is_cut: The file is known to break off, so that what is open at its end is no fault of its own.
    """
    with plain.open("rb") as handle, target.open("w", encoding="utf-8", errors="surrogateescape") as out:
        return _Unfolding(_Text(handle, size), out, stream, is_body=is_body, is_cut=is_cut).run()


class _Text:
    """The text of a file from the current position on, with its line number."""

    def __init__(self, handle: BinaryIO, size: int) -> None:
        self._handle, self._left = handle, size
        # Invalid UTF-8 is reported when its record is read.
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self.text, self.at, self.line = "", 0, 1
        #: Characters consumed of the line, and whether all were blank.
        self.column, self.is_indented = 0, True

    def more(self) -> bool:
        """Read another block; False at the end of the file. Consumed text is dropped, so `at` changes."""
        if not self._left:
            return False
        kept = self.text[self.at :]
        # Twice as much each time, so that a long value is scanned only a few times.
        block = self._handle.read(min(self._left, max(_BLOCK, len(kept))))
        self._left = self._left - len(block) if block else 0
        self.text, self.at = kept + self._decoder.decode(block, final=not self._left), 0
        return True

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        return pattern.match(self.text, self.at)

    def char(self) -> str:
        """Return the next character, '' at the end."""
        while self.at == len(self.text) and self.more():
            pass
        return self.text[self.at : self.at + 1]

    def take(self, length: int) -> str:
        """Consume so many characters and return them."""
        taken = self.text[self.at : self.at + length]
        self.at += length
        breaks = taken.count("\n")
        self.line += breaks
        passed = taken.rpartition("\n")[2]
        self.column = len(passed) if breaks else self.column + len(passed)
        self.is_indented = (bool(breaks) or self.is_indented) and not passed.strip(_SPACE)
        return taken

    def between(self) -> str:
        """Consume what may stand between values and return it."""
        passed = []
        while self.char():
            found = self.match(_BETWEEN).group()
            passed.append(self.take(len(found)))
            if self.at < len(self.text):
                break
        return "".join(passed)

    def line_end(self, after: int = 0) -> int:
        """Return the characters up to the first line break `after` so many; -1 if there are too many."""
        looked = after
        while (found := self.text.find("\n", self.at + looked)) < 0:
            looked = len(self.text) - self.at
            if looked > LONGEST_BODY:
                return -1
            if not self.more():
                return looked
        return found - self.at

    def value(self) -> tuple[int, int]:
        """Return the characters of the JSON value that begins here, and 0; or -1, and those up to its fault."""
        while True:
            try:
                end = json_text.end_of_value(self.text, self.at)
            except NotJson as fault:
                length = fault.at - self.at
                if not fault.may_go_on or len(self.text) - self.at > LONGEST_BODY or not self.more():
                    return -1, max(length, 0)
            else:
                length = end - self.at
                # A number may go on in the next block.
                if end < len(self.text) or self.text[end - 1] in "}]" or not self.more():
                    return length, 0


class _Unfolding:
    """Goes through a text value by value."""

    def __init__(self, text: _Text, out: TextIO, stream: Stream, *, is_body: bool, is_cut: bool) -> None:
        self.text, self.out, self.form, self.is_body, self.is_cut = text, out, stream.format, is_body, is_cut
        self.page_key = f'"{self.form.records.partition(".")[0]}"' if self.form.records else ""
        self.keys = {key for _, (key, *_) in stream.places} - {PAGE}
        self.found = Unfolded()
        self.has_values = False
        #: Line on which the last object began.
        self.last_line = 0

    def run(self) -> Unfolded:
        text, found = self.text, self.found
        found.byte_order_mark = text.char() == "\ufeff"
        is_new_line = True
        while True:
            is_new_line = self._blank(is_new_line)
            if not (char := text.char()):
                break
            if char != "[" and (line := self._whole_line()):
                self._write(line, text.line - 1)
                is_new_line = True
                continue
            self._list() if char == "[" and self._opens_list() else self._value()
            is_new_line = False
        if (
            self.is_body
            and not self.is_cut
            and not self.has_values
            and (self.form.records or not found.lines)
        ):
            self.out.truncate(0)
            return Unfolded(numbers=None, faults=[(1, self._why_no_body(), "")], has_pages=True)
        return found

    def _why_no_body(self) -> str:
        if any(reason == "line_too_long" for _, reason, _ in self.found.faults):
            return "page_too_long"
        return "malformed_page" if self.found.lines or self.found.faults else "empty_page"

    def _blank(self, is_new_line: bool) -> bool:
        """Pass over what is between values outside a list and count its blank lines; return whether a line begins."""
        passed = self.text.between()
        breaks = passed.count("\n")
        self.found.blank_lines += breaks if is_new_line or not breaks else breaks - 1
        if passed.rpartition("\n")[2] and (breaks or is_new_line) and not self.text.char():
            self.found.blank_lines += 1
        return bool(breaks) or is_new_line

    def _whole_line(self) -> str:
        """Return a line that is a record without parsing it, or ''."""
        found = self.text.match(_LINE)
        if not found or (self.page_key and self.page_key in found.group()):
            return ""
        self.has_values = True
        self.text.take(found.end() - found.start())
        return found.group(1)

    def _opens_list(self) -> bool:
        """Return whether a bracket begins a list of records, and not a line of something else, such as `[INFO] ok`."""
        text = self.text
        while not (found := text.match(_LIST)) and len(text.text) - text.at < _KEPT and text.more():
            pass
        if found:
            return True
        length = text.line_end()
        return length >= 0 and _is_whole(text.text[text.at : text.at + length].rstrip(_SPACE))

    def _list(self) -> None:
        """Read a list whose bracket is next."""
        text, found, number = self.text, self.found, self.text.line
        text.take(1)
        is_empty = is_first = True
        has_gaps = False
        while True:
            text.between()
            char = text.char()
            if char in ("", "]"):
                if not char and not self.is_cut:
                    # Without commas between the lines that followed, the bracket was the damage.
                    fault = (number, "malformed_json") if has_gaps else (text.line, "truncated_line")
                    found.faults.append((self._here(fault[0]), fault[1], ""))
                found.blank_lines += is_empty and bool(char)
                self.has_values |= bool(text.take(len(char)))
                return
            is_empty = False
            if char == ",":
                if is_first:
                    found.faults.append((self._here(text.line), "malformed_json", ""))
                text.take(1)
                is_first = True
                continue
            has_gaps |= not is_first
            is_first = False
            length, fault_at = text.value()
            if length >= 0:
                here = text.line
                self._record(text.take(length), here)
            elif self._broken(fault_at, in_list=True):
                return

    def _value(self) -> None:
        """Read a value outside a list, or what is there instead."""
        text, number = self.text, self.text.line
        length, fault_at = text.value()
        if length < 0:
            self._broken(fault_at, in_list=False)
            return
        line = text.line_end()
        end = text.at + length
        if 0 <= line < length:
            is_broken = any(_is_whole(within[1]) for within in _LINE_WITHIN.finditer(text.text, text.at, end))
        else:
            is_broken = line < 0 or text.text[end : text.at + line].strip(_SPACE)
        if is_broken:
            self._line(line)
            return
        value, is_first = text.take(length), not self.has_values and not self.found.lines
        if self.is_body and self.form.records and is_first:
            self._blank(is_new_line=False)
            if not text.char():
                self._body(value, number)
                return
        self._record(value, number)
        rest = text.line_end()
        if text.text[text.at : text.at + max(rest, 0)].strip(_SPACE):
            # Printed one after the other, the next value may begin on the line this one ends on.
            text.between()
            if text.char() not in ("{", "["):
                self._line(text.line_end())

    def _body(self, value: str, number: int) -> None:
        """Add the records of the file's only value: an API response or one record."""
        try:
            self._records(json_pages.records(value, self.form))
        except BadPage as fault:
            if value.startswith("{") and any(key in self.keys for key, *_ in json_text.members(value, 0)):
                self._record(value, number)
            else:
                self.has_values = self.found.has_pages = True
                self.found.faults.append((self._here(number), fault.reason, fault.field))

    def _record(self, value: str, number: int) -> None:
        """Add a record, or the records of an API response among other values."""
        self.has_values = True
        if self.page_key and value.startswith("{") and self.page_key in value:
            try:
                self._records(json_pages.records(value, self.form))
            except BadPage:
                pass
            else:
                return
        self._write(value, number)

    def _records(self, records: list[str]) -> None:
        """Add the records of an API response."""
        self.has_values = self.found.has_pages = True
        self.found.numbers = None
        for record in records:
            self._write(record, 0)

    def _broken(self, fault_at: int, *, in_list: bool) -> bool:
        """Add a broken record, up to where another may begin; return whether that is the end of the file."""
        text, number, column, is_indented = self.text, self.text.line, self.text.column, self.text.is_indented
        is_longer = "\n" in text.text[text.at : text.at + fault_at + 1]
        is_object = text.char() == "{"
        length = text.line_end()
        if length < 0:
            self._line(length)
            return not text.char()
        if in_list:
            pattern = _NEXT_AFTER_OBJECT if is_object else _NEXT_IN_LINE
            if found := pattern.search(text.text, text.at + min(fault_at, length), text.at + length):
                self._write(text.take(found.start() - text.at), number)
                return False
        broken = text.take(length)
        if is_indented and (in_list or is_longer):
            broken += self._deeper(column)
        is_end = not text.char()
        if in_list:
            text.between()
        elif "\n" in broken:
            self._blank(is_new_line=False)
        is_end = is_end or ((in_list or "\n" in broken) and not text.char())
        if not (is_end and self.is_cut):
            self._write(broken, number, end="" if is_end else "\n")
        return is_end

    def _deeper(self, column: int) -> str:
        """Pass over the lines that are indented deeper than a column, and the bracket that closes them."""
        text, passed, kept = self.text, [], 0
        while text.char() == "\n" and (length := text.line_end(1)) >= 0:
            indent = text.match(_INDENT)
            if not indent or len(indent.group(1)) <= column:
                closers = text.match(_CLOSERS)
                if indent and len(indent.group(1)) == column and closers:
                    passed.append(text.take(closers.end() - text.at))
                break
            line = text.take(length)
            kept += len(line)
            passed.append(line if kept < _KEPT else "")
        return "".join(passed)

    def _line(self, length: int) -> None:
        """Add the rest of a line as a record to be rejected."""
        text, number = self.text, self.text.line
        if length >= 0:
            line = text.take(length)
            self._write(line, number, end="\n" if text.char() else "")
            return
        while (length := text.line_end()) < 0:
            text.take(LONGEST_BODY)
        text.take(length)
        self.found.faults.append((self._here(number), "line_too_long", ""))

    def _here(self, number: int) -> int:
        """Return a line number, or the position among records where line numbers are unknown."""
        return number if self.found.numbers is not None else self.found.lines + 1

    def _write(self, record: str, number: int, end: str = "\n") -> None:
        found = self.found
        found.lines += 1
        if record.startswith("{"):
            if number <= self.last_line:
                found.numbers = None
            self.last_line = number
        record = _LINE_BREAKS.sub(" ", record)
        if found.numbers is not None:
            found.numbers.append(number)
            record = _with_number(record, number)
        self.out.write(record + end)


def _is_whole(text: str) -> bool:
    try:
        return json_text.end_of_value(text, 0) == len(text)
    except NotJson:
        return False


def _with_number(record: str, number: int) -> str:
    """Return the text of an object with the number of its line; any other text as it is."""
    begun = record.rstrip()
    if not begun.startswith("{") or not begun.endswith("}"):
        return record
    inside = begun[:-1].rstrip()
    comma = "," if len(inside) > 1 else ""
    return f'{inside}{comma}"{LINE_KEY}":{number}}}'
