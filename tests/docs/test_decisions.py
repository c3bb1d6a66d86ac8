"""docs/decisions: every ruling is complete, the contents page lists it, and code points at what governs it.

A pointer is the path of a topic file, with or without `#<id>`: with an id it is for one ruling, without for all of
the topic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DECISIONS = ROOT / "docs" / "decisions"
CONTENTS = DECISIONS / "README.md"
TOPICS = sorted(path for path in DECISIONS.glob("*.md") if path != CONTENTS)
#: Where pointers stand: code, and everything a person reads.
FOLDERS = (".ci", "dagster_project", "dbt", "docs", "ingestion", "notebooks", "tests")
SUFFIXES = {".py", ".sql", ".yml", ".toml", ".md"}
CODE = {".py", ".sql", ".yml", ".toml"}
POINTER = re.compile(r"(?<![\w.-])(?:docs/)?decisions/([a-z-]+\.md)(?:#([a-z0-9-]+))?")
#: A link between two topic files, or within one.
LINK = re.compile(r"\]\(([a-z-]+\.md)?#([a-z0-9-]+)\)")
FIELDS = ("Was", "Date", "Status", "Governs")
SECTIONS = ("Ruling", "Why", "Numbers", "Example")
LAST_OLD_NUMBER = 103


@dataclass(frozen=True)
class Ruling:
    """One ruling: its fields and sections by name, as text."""

    topic: str
    id: str
    title: str
    said: dict[str, str]

    @property
    def is_in_force(self) -> bool:
        return self.said["Status"] == "in force"

    @property
    def governs(self) -> list[str]:
        return re.findall(r"`([^`]+)`", self.said["Governs"])


def read(path: Path) -> Iterator[Ruling]:
    """Yield the rulings of a topic file: `## id`, a bold title, a list of fields, sections by name."""
    _, *parts = re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for part in parts:
        heading, _, body = part.partition("\n")
        title = re.search(r"\A\s*\*\*(.+?)\*\*\n", body, re.DOTALL)
        fields = re.findall(
            rf"^- ({'|'.join(FIELDS)}): (.+?)(?=\n- (?:{'|'.join(FIELDS)}): |\n\n)", body, re.M | re.S
        )
        sections = re.findall(
            rf"^({'|'.join(SECTIONS)}):\s+(.+?)(?=\n\n(?:{'|'.join(SECTIONS)}):|\Z)", body, re.M | re.S
        )
        yield Ruling(
            topic=path.name,
            id=heading.strip(),
            title=" ".join(title[1].split()) if title else "",
            said={name: " ".join(text.split()) for name, text in fields + sections},
        )


RULINGS = [ruling for path in TOPICS for ruling in read(path)]
IDS = {(ruling.topic, ruling.id) for ruling in RULINGS}


@cache
def texts() -> dict[str, str]:
    """Return the files of the project that may hold pointers, by their path in the repository."""
    files = [path for path in ROOT.iterdir() if path.is_file()]
    for folder in FOLDERS:
        files += (ROOT / folder).rglob("*")
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in files
        if path.suffix in SUFFIXES and "target" not in path.parts
    }


@pytest.mark.parametrize("ruling", RULINGS, ids=lambda ruling: ruling.id)
def test_a_ruling_has_every_field(ruling: Ruling) -> None:
    """An example with figures may be missing only where the ruling moves no number or is replaced."""
    assert re.fullmatch(r"[a-z][a-z-]*-\d+", ruling.id)
    assert re.match(r"[^:]+: ", ruling.title)
    required = {"Date", "Status", "Governs", "Ruling", "Why", "Numbers"}
    assert required - {name for name, text in ruling.said.items() if text} == set()
    assert re.fullmatch(r"20\d\d-[01]\d-[0-3]\d", ruling.said["Date"])
    assert re.fullmatch(r"in force|replaced by [a-z-]+-\d+", ruling.said["Status"])
    if ruling.is_in_force and not ruling.said["Numbers"].startswith("None"):
        assert re.search(r"\d", ruling.said.get("Example", ""))


def test_ids_are_unique_and_a_replacement_is_in_force() -> None:
    ids = [ruling.id for ruling in RULINGS]
    assert len(ids) == len(set(ids))
    in_force = {ruling.id for ruling in RULINGS if ruling.is_in_force}
    replacing = {
        ruling.said["Status"].removeprefix("replaced by ") for ruling in RULINGS if not ruling.is_in_force
    }
    assert replacing - in_force == set()


def test_every_number_that_commits_cite_is_found() -> None:
    """Rulings were numbered in one file once; each number is under `Was` of its ruling."""
    old_numbers = {
        int(number) for ruling in RULINGS for number in re.findall(r"\d+", ruling.said.get("Was", ""))
    }
    assert old_numbers == set(range(1, LAST_OLD_NUMBER + 1))


def test_the_contents_page_lists_every_ruling_and_no_other() -> None:
    """In the order of their files, each with its title, its old numbers and whether it is replaced."""
    page = CONTENTS.read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[([a-z0-9-]+)\]\(([a-z-]+\.md)#\1\) \| (.+?) \| (.*?) ?\|$", page, re.M)
    meant = {
        ruling.id: (
            ruling.topic,
            ruling.title if ruling.is_in_force else f"{ruling.title} ({ruling.said['Status']})",
            ruling.said.get("Was", ""),
        )
        for ruling in RULINGS
    }
    assert {id: (topic, title, was) for id, topic, title, was in listed} == meant
    assert len(listed) == len(meant)
    assert {path.name for path in TOPICS} == set(re.findall(r"^## \[.+\]\(([a-z-]+\.md)\)$", page, re.M))


def test_every_governed_path_exists() -> None:
    assert [
        (ruling.id, path) for ruling in RULINGS for path in ruling.governs if not (ROOT / path).is_file()
    ] == []
    assert [ruling.id for ruling in RULINGS if not ruling.governs] == []


def test_every_pointer_and_link_leads_to_a_ruling() -> None:
    names = {path.name for path in DECISIONS.glob("*.md")}
    here = "tests/docs/test_decisions.py"
    lost = [
        (file, match[0])
        for file, text in texts().items()
        if file != here
        for match in POINTER.finditer(text)
        if match[1] not in names or (match[2] and (match[1], match[2]) not in IDS)
    ]
    for path in DECISIONS.glob("*.md"):
        for match in LINK.finditer(path.read_text(encoding="utf-8")):
            if (match[1] or path.name, match[2]) not in IDS:
                lost.append((path.name, match[0]))
    assert lost == []


def test_every_ruling_in_force_is_named_by_code_that_it_governs() -> None:
    unnamed = []
    for ruling in RULINGS:
        code = [
            path for path in ruling.governs if Path(path).suffix in CODE and not path.startswith("tests/")
        ]
        pointers = {
            (match[1], match[2])
            for path in code
            for match in POINTER.finditer((ROOT / path).read_text(encoding="utf-8"))
        }
        if ruling.is_in_force and code and not pointers & {(ruling.topic, None), (ruling.topic, ruling.id)}:
            unnamed.append((ruling.id, code))
    assert unnamed == []


def test_no_old_number_is_cited() -> None:
    old = re.compile(r"\bDECISIONS(?:\.md)?\b|\bdecisions? \d+\b")
    here = "tests/docs/test_decisions.py"
    assert [
        (file, match[0]) for file, text in texts().items() if file != here for match in old.finditer(text)
    ] == []
