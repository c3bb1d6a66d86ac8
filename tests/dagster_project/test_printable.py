"""Text of a log does not control the terminal it is shown on."""

from __future__ import annotations

import io
import sys

import pytest

from dagster_project.printable import joined, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("two\nlines\r\n", r"two\nlines\r\n"),
        ("a\tb\x07", r"a\tb\x07"),
        ("\x9b2J", r"\x9b2J"),
        ("safe\u202egpj.exe", r"safe\u202egpj.exe"),
        ("héllo 日本 € [red]", "héllo 日本 € [red]"),
        ("a back\\slash", "a back\\slash"),
    ],
)
def test_controls_are_written_out_and_other_text_stays(text: str, shown: str):
    assert printable(text) == shown


def test_lines_stay_as_many_as_they_were():
    assert joined(["one\ntwo", "three"]) == "one\\ntwo\nthree"


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_long_lines_in_pieces_and_a_pipe_gets_them_whole(monkeypatch: pytest.MonkeyPatch):
    """30 words of five letters, 179 columns, two columns in: 16 and 14 words."""
    line = "  " + " ".join(["words"] * 30)
    assert joined([line, "short"]) == f"{line}\nshort"
    monkeypatch.setattr(sys, "stdout", Terminal())
    first, second, short = joined([line, "short"]).splitlines()
    assert first == "  " + " ".join(["words"] * 16)
    assert second == "      " + " ".join(["words"] * 14)
    assert short == "short"
