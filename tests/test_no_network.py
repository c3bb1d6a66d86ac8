"""The guard in conftest.py: tests reach this machine and no other."""

from __future__ import annotations

import socket

import pytest


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "example.invalid"])
def test_a_connection_to_another_machine_is_refused(host: str):
    """The addresses are the documentation ranges, and the refusal comes before any lookup."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as outgoing, pytest.raises(RuntimeError, match="tests stay on this machine"):
        outgoing.connect((host, 80))


def test_a_connection_to_this_machine_is_allowed():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as connection,
    ):
        assert connection.getpeername() == server.getsockname()
