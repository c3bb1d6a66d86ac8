"""Variables set for a block are as they were after it."""

from __future__ import annotations

import os

import pytest

from ingestion.environment import environment_with


def test_variables_are_as_they_were_also_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLBOOK_SET", "before")
    monkeypatch.delenv("TOLLBOOK_UNSET", raising=False)
    within = {"TOLLBOOK_SET": "within", "TOLLBOOK_UNSET": "within"}

    def fail_within() -> None:
        with environment_with(within):
            assert {name: os.environ[name] for name in within} == within
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail_within()
    assert os.environ["TOLLBOOK_SET"] == "before"
    assert "TOLLBOOK_UNSET" not in os.environ
