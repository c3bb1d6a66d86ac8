"""A small world with known faults, and loopback servers that serve it.

The sandbox knows nobody: it imports nothing of the rest, so that it can be the independent side of a
comparison.
"""

from ingestion.sandbox.ledger import Fault, Truth
from ingestion.sandbox.world import SandboxError, write_world

__all__ = ["Fault", "SandboxError", "Truth", "write_world"]
