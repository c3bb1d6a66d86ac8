"""The bytes of a delivered file: hashed as they came, decompressed to a plain file, counted in lines.

Knows archives, encodings and newlines, nothing of JSON.

Rulings: docs/decisions/reading.md#reading-9.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import zstandard
from blake3 import blake3

from ingestion.reader import encodings

_BLOCK = 1 << 20
#: Small, because a piece of an archive may unpack to 30,000 times its size.
_PACKED_PIECE = 1 << 10
#: An archive may unpack to this plus `unpack_ratio` times its own size.
_ALWAYS_ALLOWED = 1 << 30
DEFAULT_RATIO = 200
RATIO_VARIABLE = "TOLLBOOK_UNPACK_RATIO"
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
        damage: Reject reason if the archive broke off, is damaged or unpacks to too much, else None.
        detail: A text for the message of that reason.
    """

    plain: Path
    size: int
    lines: int
    trailing_blanks: int
    blake3: str
    damage: str | None
    detail: str = ""


class _Garbage(ValueError):
    """Bytes after a complete archive are not an archive."""


class _TooLarge(ValueError):
    """An archive unpacks to more than any log does."""


_DAMAGE = {
    EOFError: "truncated_archive",
    _Garbage: "trailing_garbage",
    _TooLarge: "archive_too_large",
    gzip.BadGzipFile: "damaged_archive",
    zlib.error: "damaged_archive",
    zstandard.ZstdError: "damaged_archive",
}


def unpack_ratio() -> int:
    """Return how many times its own size an archive may unpack to.

    Raises:
        ValueError: the variable holds no whole number from 1 on.
    """
    written = os.environ.get(RATIO_VARIABLE) or str(DEFAULT_RATIO)
    if not (written.isascii() and written.isdigit() and int(written)):
        raise ValueError(f"{RATIO_VARIABLE} is {written!r}; it must be a whole number from 1 on")
    return int(written)


def inspect(path: Path, plain: Path) -> Delivery:
    """Read a delivered file; a compressed one is unpacked to `plain`."""
    if path.suffix not in (".gz", ".zst"):
        return _plain(path)
    digest = blake3()
    size = newlines = last_newline = 0
    most = _ALWAYS_ALLOWED + unpack_ratio() * path.stat().st_size
    damage = None
    with plain.open("wb") as out:
        try:
            for block in _unpacked(path, digest):
                newlines += block.count(b"\n")
                if (found := block.rfind(b"\n")) >= 0:
                    last_newline = size + found + 1
                size += len(block)
                if size > most:
                    raise _TooLarge
                out.write(block)
        except tuple(_DAMAGE) as error:
            damage = _DAMAGE[type(error)]
    if damage:
        # The part of a line before the break is damage, never a record; a complete archive has none.
        size = 0 if damage == "archive_too_large" else size if damage == "trailing_garbage" else last_newline
        newlines = newlines if size else 0
        os.truncate(plain, size)
    lines = newlines + (1 if size > last_newline else 0)
    whole = hash_of(path) if damage else digest.hexdigest()
    return Delivery(plain, size, lines, _blank_lines_at_end(_tail(plain)), whole, damage)


def _tail(plain: Path) -> bytes:
    with plain.open("rb") as handle:
        handle.seek(max(plain.stat().st_size - _TAIL, 0))
        return handle.read()


def as_utf8(delivery: Delivery, target: Path) -> Delivery:
    """Return a delivery in UTF-8: itself, or its text written to `target`."""
    if not encodings.is_utf16(delivery.plain):
        return delivery
    encodings.write_utf8(delivery.plain, delivery.size, target)
    return replace(_plain(target), blake3=delivery.blake3, damage=delivery.damage)


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
    tail = _tail(path)
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


def _blocks(path: Path, digest: blake3) -> Iterator[bytes]:
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK):
            digest.update(block)
            yield block


#: Of each archive: a new decoder, and the bytes one can begin with.
_ARCHIVES = {
    ".gz": (lambda: zlib.decompressobj(wbits=31), b"\x1f"),
    ".zst": (lambda: zstandard.ZstdDecompressor().decompressobj(), bytes([0x28, *range(0x50, 0x60)])),
}


def _unpacked(path: Path, digest: blake3) -> Iterator[bytes]:
    """Unpack an archive that may be several archives in a row, as log shippers write them, padded with zeros.

    Raises:
        EOFError: the last archive is not complete.
        _Garbage: something else follows a complete one.
    """
    new_decoder, first_bytes = _ARCHIVES[path.suffix]
    decoder = new_decoder()
    for block in _blocks(path, digest):
        for start in range(0, len(block), _PACKED_PIECE):
            piece = block[start : start + _PACKED_PIECE]
            while piece := piece if decoder else piece.lstrip(b"\0"):
                if decoder is None:
                    if piece[0] not in first_bytes:
                        raise _Garbage
                    decoder = new_decoder()
                if unpacked := decoder.decompress(piece):
                    yield unpacked
                piece = decoder.unused_data if decoder.eof else b""
                decoder = None if decoder.eof else decoder
    if decoder:
        raise EOFError("the archive ends too early")
