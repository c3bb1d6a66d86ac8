"""A small world with known faults, and loopback servers that serve it.

The sandbox imports nothing from the rest of Tollbook, so that it is independent of what it is compared with.
"""

from ingestion.sandbox.world import SandboxError, write_world
from ingestion.sandbox.world.ledger import Fault, Truth

__all__ = ["Fault", "SandboxError", "Truth", "write_world"]
