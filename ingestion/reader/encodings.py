"""UTF-16, as Windows tools export it, becomes UTF-8 once; lines stay where they were."""

from __future__ import annotations

import codecs
from pathlib import Path

_BLOCK = 1 << 20
_BY_MARK = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
#: Not UTF-8, so that its line is rejected.
_HALF_A_CHARACTER = b"\xff"


def is_utf16(plain: Path) -> bool:
    """Return whether a file begins with the byte order mark of UTF-16."""
    with plain.open("rb") as handle:
        return handle.read(2) in _BY_MARK


def write_utf8(plain: Path, size: int, target: Path) -> None:
    """Write the text of a UTF-16 file as UTF-8, without its mark; invalid text stays invalid."""
    with plain.open("rb") as source, target.open("wb") as out:
        decoder = codecs.getincrementaldecoder(_BY_MARK[source.read(2)])("surrogatepass")
        left = size - 2
        while left > 0 and (block := source.read(min(left, _BLOCK))):
            left -= len(block)
            out.write(decoder.decode(block).encode("utf-8", "surrogatepass"))
        if decoder.getstate()[0]:
            out.write(_HALF_A_CHARACTER)
