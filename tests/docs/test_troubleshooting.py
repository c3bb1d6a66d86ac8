"""docs/troubleshooting.md: its messages are those of the code, and every message of the code is in it."""

from __future__ import annotations

import re

from tests.docs.messages import ROOT, kinds, messages

DOCUMENT = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
MESSAGES, _, REST = DOCUMENT.partition("## What the doctor finds")
KINDS, _, OF_TOOLS = REST.partition("## Of the tools below")


def first_cells(part: str) -> list[str]:
    """Return what stands in code in the first column of its tables."""
    cells = re.findall(r"^\| ((?:`).+?) \|", part, re.MULTILINE)
    return [found for cell in cells for _, found in re.findall(r"(`+) ?(.+?) ?\1(?!`)(?=,|$)", cell)]


def test_every_message_is_in_the_code_and_the_other_way_round() -> None:
    assert set(first_cells(MESSAGES)) == messages()


def test_every_kind_of_diagnosis_is_explained() -> None:
    assert set(first_cells(KINDS)) == kinds()
