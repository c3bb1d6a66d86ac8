"""requirements.lock: what `make setup` installs, hash by hash, from whichever index the machine uses."""

from __future__ import annotations

import re
import tomllib

import pytest


@pytest.fixture
def lock(request: pytest.FixtureRequest) -> list[str]:
    """The lock's logical lines: one distribution each, with its hashes."""
    text = (request.config.rootpath / "requirements.lock").read_text()
    return text.replace("\\\n", " ").splitlines()


def test_every_distribution_is_pinned_and_hashed(lock):
    pinned = re.compile(r"[a-z0-9.\-]+(\[[a-z,]+\])?==\S+( ; .*?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*")
    assert [line for line in lock if not pinned.fullmatch(line)] == []


def test_the_lock_names_no_index_and_no_address(lock):
    assert [line for line in lock if "://" in line or "index-url" in line or "find-links" in line] == []


def test_every_dependency_of_the_project_is_in_the_lock(lock, request: pytest.FixtureRequest):
    project = tomllib.loads((request.config.rootpath / "pyproject.toml").read_text())
    asked = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    locked = {re.match(r"[a-z0-9.\-]+", line).group() for line in lock}
    assert {re.match(r"[A-Za-z0-9.\-]+", name).group().lower() for name in asked} <= locked
