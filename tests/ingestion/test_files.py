"""Files appear whole, for their owner alone, and keep the mode that a person gave them."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

from ingestion.files import TEMPORARY_PREFIX, finished, whole
from ingestion.home import Home

WRITE_A_HOME = """
import sys
from ingestion.files import keep_private, whole
from ingestion.home import Home
from ingestion.locks import held
keep_private()
home = Home.locate(sys.argv[1])
with held(home.lock_file), whole(home.exports / "august.csv") as temporary:
    temporary.write_text("1")
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_home_and_its_files_are_their_owners_alone(tmp_path: Path):
    home = Home(tmp_path / "home")
    subprocess.run([sys.executable, "-c", WRITE_A_HOME, str(home.root)], check=True)
    modes = {path.relative_to(home.root).as_posix(): mode(path) for path in home.root.rglob("*")}
    assert mode(home.root) == 0o700
    assert modes == {"exports": 0o700, "exports/august.csv": 0o600, "run.lock": 0o600, "run.lock.pid": 0o600}


def test_a_file_that_was_opened_to_a_group_stays_open_to_it(tmp_path: Path):
    published = tmp_path / "tollbook.duckdb"
    published.write_text("old")
    published.chmod(0o640)
    with whole(published) as temporary:
        temporary.write_text("new")
    assert published.read_text() == "new"
    assert mode(published) == 0o640


def test_unfinished_files_are_not_listed(tmp_path: Path) -> None:
    for name in ("b.json", "a.json", f"{TEMPORARY_PREFIX}c.json", "d.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in finished(tmp_path, "*.json")] == ["a.json", "b.json"]
