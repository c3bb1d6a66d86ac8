"""A small world with known faults, and loopback servers that serve it.

The sandbox knows nobody: it imports nothing of the rest, so that it can be the independent side of a
comparison.
"""

from ingestion.sandbox.world import SandboxError, write_world
from ingestion.sandbox.world.ledger import Fault, Truth

__all__ = ["Fault", "SandboxError", "Truth", "write_world"]
