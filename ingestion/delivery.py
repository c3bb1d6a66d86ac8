"""The bytes of a delivered file: hashed as they came, decompressed to a plain file, counted in lines.

Knows archives and newlines, nothing of JSON.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zstandard
from blake3 import blake3

_BLOCK = 1 << 20
#: Small, because a block of an archive may unpack to a thousand times its size.
_PACKED_BLOCK = 1 << 16
_TAIL = 1 << 16
#: Fits into a processor's cache.
_CACHED = 1 << 17


@dataclass(frozen=True)
class Delivery:
    """A delivered file, ready to be read.

    Attributes:
        plain: The uncompressed lines (the landing file itself if it was plain).
        size: Bytes of `plain` that hold whole lines.
        lines: Lines in them, blank ones included; a last line without a newline is a line.
        trailing_blanks: Blank lines at the very end.
        blake3: Hash of the bytes as delivered.
        damage: Reject reason if the archive broke off or is damaged, else None.
    """

    plain: Path
    size: int
    lines: int
    trailing_blanks: int
    blake3: str
    damage: str | None


def inspect(path: Path, plain: Path) -> Delivery:
    """Read a delivered file; a compressed one is unpacked to `plain`."""
    if path.suffix not in (".gz", ".zst"):
        return _plain(path)
    digest = blake3()
    size = newlines = last_newline = 0
    damage = None
    tail = b""
    blocks = _unpacked(path, digest)
    with plain.open("wb") as out:
        while True:
            try:
                block = next(blocks, None)
            except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
                damage = "truncated_archive" if isinstance(error, EOFError) else "damaged_archive"
                break
            if block is None:
                break
            out.write(block)
            newlines += block.count(b"\n")
            found = block.rfind(b"\n")
            if found >= 0:
                last_newline = size + found + 1
            size += len(block)
            tail = block if len(block) >= _TAIL else tail + block
    if damage:
        # The piece of a line before the break is the damage itself, never a record.
        tail = tail[: len(tail) - (size - last_newline)] if size - last_newline < len(tail) else b""
        size = last_newline
        os.truncate(plain, size)
    lines = newlines + (1 if size > last_newline else 0)
    whole = hash_of(path) if damage else digest.hexdigest()
    return Delivery(plain, size, lines, _blank_lines_at_end(tail), whole, damage)


def _plain(path: Path) -> Delivery:
    digest = blake3()
    size = newlines = 0
    buffer = memoryview(bytearray(_CACHED))
    codes = np.frombuffer(buffer, np.uint8)
    with path.open("rb", buffering=0) as handle:
        while length := handle.readinto(buffer):
            digest.update(buffer[:length])
            newlines += int(np.count_nonzero(codes[:length] == ord("\n")))
            size += length
        handle.seek(max(size - _TAIL, 0))
        tail = handle.read(_TAIL)
    lines = newlines + (1 if tail and not tail.endswith(b"\n") else 0)
    return Delivery(path, size, lines, _blank_lines_at_end(tail), digest.hexdigest(), None)


def hash_of(path: Path) -> str:
    """Return the BLAKE3 hash of a file's bytes, as `b3sum` prints it."""
    digest = blake3()
    for _ in _blocks(path, digest):
        pass
    return digest.hexdigest()


def _blank_lines_at_end(tail: bytes) -> int:
    kept = tail.rstrip(b" \t\r\n\v\f")
    rest = tail[len(kept) :]
    if not kept:
        return rest.count(b"\n") + (1 if rest.rpartition(b"\n")[2] else 0)
    after = rest.partition(b"\n")[2]
    return after.count(b"\n") + (1 if after.rpartition(b"\n")[2] else 0)


def _blocks(path: Path, digest: blake3, length: int = _BLOCK) -> Iterator[bytes]:
    with path.open("rb") as handle:
        while block := handle.read(length):
            digest.update(block)
            yield block


def _unpacked(path: Path, digest: blake3) -> Iterator[bytes]:
    if path.suffix == ".gz":
        yield from _members(path, digest, lambda: zlib.decompressobj(wbits=31))
    else:
        yield from _members(path, digest, lambda: zstandard.ZstdDecompressor().decompressobj())


def _members(path: Path, digest: blake3, new_decoder) -> Iterator[bytes]:
    """Unpack an archive that may be several archives in a row, as log shippers write them.

    Raises:
        EOFError: the last archive is not complete.
    """
    decoder = new_decoder()
    fresh = True
    for block in _blocks(path, digest, _PACKED_BLOCK):
        while block:
            unpacked = decoder.decompress(block)
            fresh = False
            if unpacked:
                yield unpacked
            if not decoder.eof:
                break
            block = decoder.unused_data
            decoder, fresh = new_decoder(), True
    if not fresh:
        raise EOFError("the archive ends too early")
