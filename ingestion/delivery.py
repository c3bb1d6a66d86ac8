"""The bytes of a delivered file: hashed as they came, decompressed to a plain file, counted in lines.

Knows archives and newlines, nothing of JSON. A plain file is hashed in a thread of its own while others read
it: its hash is needed last.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from concurrent.futures import Executor, Future
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
_COUNTED = _HASHED = 1 << 18


@dataclass(frozen=True)
class Delivery:
    """A delivered file, ready to be read.

    Attributes:
        plain: The uncompressed lines (the landing file itself if it was plain).
        size: Bytes of `plain` that hold whole lines.
        lines: Lines in them, blank ones included; a last line without a newline is a line.
        trailing_blanks: Blank lines at the very end.
        digest: Hash of the bytes as delivered, once it is there.
        damage: Reject reason if the archive broke off or is damaged, else None.
    """

    plain: Path
    size: int
    lines: int
    trailing_blanks: int
    digest: Future[str]
    damage: str | None

    @property
    def blake3(self) -> str:
        """Hash of the bytes as delivered; waits for it."""
        return self.digest.result()


def inspect(path: Path, plain: Path, aside: Executor) -> Delivery:
    """Read a delivered file; a compressed one is unpacked to `plain`, a plain one hashed `aside`."""
    if path.suffix not in (".gz", ".zst"):
        return _plain(path, aside.submit(hash_of, path))
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
    whole = known(hash_of(path) if damage else digest.hexdigest())
    return Delivery(plain, size, lines, _blank_lines_at_end(tail), whole, damage)


def known(digest: str) -> Future[str]:
    """Return a hash nobody has to wait for."""
    found: Future[str] = Future()
    found.set_result(digest)
    return found


def _plain(path: Path, digest: Future[str]) -> Delivery:
    size = newlines = 0
    ends_open, tail = False, b""
    buffer = bytearray(_COUNTED)
    codes = np.frombuffer(buffer, np.uint8)
    with path.open("rb", buffering=0) as handle:
        while length := handle.readinto(buffer):
            newlines += int(np.count_nonzero(codes[:length] == ord("\n")))
            size += length
            ends_open = buffer[length - 1] != ord("\n")
            tail = bytes(buffer[:length]) if length >= _TAIL else tail + bytes(buffer[:length])
    return Delivery(path, size, newlines + ends_open, _blank_lines_at_end(tail), digest, None)


def hash_of(path: Path) -> str:
    """Return the BLAKE3 hash of a file's bytes, as `b3sum` prints it."""
    digest, buffer = blake3(), memoryview(bytearray(_HASHED))
    with path.open("rb", buffering=0) as handle:
        while length := handle.readinto(buffer):
            digest.update(buffer[:length])
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
