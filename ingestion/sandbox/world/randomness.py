"""Random generators, one per purpose, so that another draw in one place changes nothing elsewhere."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, purpose: str, *parts: int) -> np.random.Generator:
    """Return the generator for a purpose and its coordinates; equal arguments give equal draws."""
    text = ":".join([str(seed), purpose, *map(str, parts)])
    return np.random.Generator(
        np.random.PCG64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big"))
    )
