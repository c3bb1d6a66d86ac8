"""README.md and docs/: links lead somewhere, commands exist as they are written, those that only read are run.

Commands that write into a home are parsed here and run by their own tests. Programs of others are not run.
"""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from dagster_project.cli import app
from ingestion.duck import literal
from ingestion.home import HOME_VARIABLE
from tests.dagster_project.conftest import FinishedNight

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {path: path.read_text(encoding="utf-8") for path in DOCUMENTS}
COMMANDS = get_command(app)
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: `tollbook …` in a block or in a sentence; not its output, not a part of a command.
TOLLBOOK = re.compile(r"(?:^|`|/)(tollbook (?:alerts )?[a-z]+(?: [^`#\n]*)?)", re.MULTILINE)
#: What stands for something in a command, and a value of it: days of the small world.
MEANT = {
    "<request id>": "something",
    "<month>": "2026-08",
    "<first day>": "2026-08-01",
    "<last day>": "2026-08-31",
}
READING = ("trace", "reconcile", "incidents", "doctor", "export")
#: Documents whose queries are for the published file, and say so.
QUERIES = ("README.md", "start.md", "marts.md", "operations.md", "quality.md")


def commands(text: str) -> list[list[str]]:
    """Return the words of every command, without what stands for something else."""
    for placeholder, value in MEANT.items():
        text = text.replace(placeholder, value)
    found = {match[1].strip() for match in TOLLBOOK.finditer(text)}
    return [shlex.split(line.partition(" >> ")[0]) for line in sorted(found) if "…" not in line]


def resolved(words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that is named, and its arguments."""
    _, name, *rest = words
    command = COMMANDS.commands[name]
    return (command.commands[rest[0]], rest[1:]) if name == "alerts" and rest else (command, rest)


def blocks(text: str, language: str) -> list[str]:
    """Return the blocks of a document in one language."""
    return [block for named, block in FENCED.findall(text) if named == language]


def anchor(heading: str) -> str:
    """Return the name under which a heading can be linked to."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCED.sub("", TEXTS[document])):
        if target.startswith(("http://", "https://")):
            continue
        path, _, part = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        headings = (
            re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.MULTILINE) if part and file.is_file() else []
        )
        if not file.exists() or (part and part not in map(anchor, headings)):
            lost.append(target)
    assert lost == []


def test_the_contents_page_lists_every_document() -> None:
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", TEXTS[ROOT / "docs" / "README.md"]))
    assert listed == {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_exists_as_it_is_written(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = TEXTS[document]
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE)) <= targets
    assert [
        name for name in re.findall(r"python -m (dagster_project[\w.]*)", text) if not find_spec(name)
    ] == []
    for command, words in map(resolved, commands(text)):
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options | {"--help"}
    for command, words in map(resolved, commands("\n".join(block for _, block in FENCED.findall(text)))):
        command.make_context(command.name, words)


@pytest.mark.parametrize(
    "document", [ROOT / "README.md", ROOT / "docs" / "exports.md"], ids=lambda path: path.name
)
def test_commands_that_read_the_books_answer(
    document: Path, finished_night: FinishedNight, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A selection may be empty in the small world, and its reconciliations do not add up: 3."""
    monkeypatch.setenv(HOME_VARIABLE, str(finished_night.home.root))
    monkeypatch.chdir(tmp_path)
    with duckdb.connect(str(finished_night.home.published_database), read_only=True) as books:
        [(request_id,)] = books.sql("select min(request_id) from marts.fct_usage_costs").fetchall()
    lines = "\n".join(blocks(TEXTS[document], "sh")).replace("<request id>", request_id)
    run = [words[1:] for words in commands(lines) if words[1] in READING]
    assert run
    for words in run:
        ended = CliRunner().invoke(app, words)
        assert ended.exit_code in (0, 3), (words, ended.output, ended.exception)


@pytest.mark.parametrize("name", QUERIES)
def test_queries_run_over_the_published_file(name: str, finished_night: FinishedNight) -> None:
    document = next(path for path in DOCUMENTS if path.name == name)
    place = literal(finished_night.home.published_database)
    written = [
        block.replace("'.tollbook/tollbook.duckdb'", place) for block in blocks(TEXTS[document], "sql")
    ]
    assert written
    with duckdb.connect() as connection:
        if not any("attach" in block for block in written):
            connection.execute(f"attach {place} as tollbook (read_only)")
            connection.execute("use tollbook.marts")
        for block in written:
            connection.execute(block)
