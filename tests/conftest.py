"""Fixtures every test may use: an empty home, the real inputs beside the repository, and no way out.

Fixtures of one part of the code live in that folder's own conftest.
"""

from __future__ import annotations

import fcntl
import gc
import ipaddress
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingestion.home import HOME_VARIABLE, Home

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"

# Set before any tool is imported, and inherited by the processes tests start.
os.environ.update(
    {
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "0",
        "DBT_VERSION_CHECK": "0",
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "MARIMO_SKIP_UPDATE_CHECK": "1",
        # Every core has a test of its own.
        "TOLLBOOK_THREADS": "1",
    }
)
# As `tollbook` itself does.
gc.set_threshold(50_000, 50, 1_000)


class NetworkBlocked(RuntimeError):
    """A test tried to reach another machine."""


def is_local(address: object) -> bool:
    """Tell whether a socket address stays on this machine: a Unix socket, or a loopback host and port."""
    if not isinstance(address, tuple):
        return True
    host = str(address[0])
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """Refuse every connection that leaves this machine, for the whole session and all its threads."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            original = getattr(socket.socket, name)

            def guarded(self: socket.socket, address: object, original: object = original) -> object:
                if self.family in (socket.AF_INET, socket.AF_INET6) and not is_local(address):
                    raise NetworkBlocked(f"a test tried to reach {address}; tests stay on this machine")
                return original(self, address)

            patch.setattr(socket.socket, name, guarded)
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home of this test's own, which is also the one `$TOLLBOOK_HOME` names."""
    root = tmp_path / "home"
    root.mkdir()
    monkeypatch.setenv(HOME_VARIABLE, str(root))
    return Home(root)


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all test processes of this session share, and no other session does."""
    # The parent of a worker's folder is the session's; without workers it is everybody's, and outlives the session.
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold a lock file while a process works."""
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real inputs and oracles in `shared/data`, beside the repository's folder."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real inputs are not here: ../shared/data, beside the repository, is missing")
    return SHARED_DATA
