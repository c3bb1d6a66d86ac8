"""Archives cost what they hold: work grows with their bytes, memory does not, and too much is refused."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest
import zstandard

from ingestion.reader import delivery
from ingestion.reader.delivery import inspect


def unpacked(tmp_path, content, suffix=".gz"):
    path = tmp_path / f"a.ndjson{suffix}"
    path.write_bytes(content)
    found = inspect(path, tmp_path / "plain")
    return found, (tmp_path / "plain").read_bytes()


def bomb(size):
    """Zeros as zst: 1 MiB is some 50 bytes."""
    packer = zstandard.ZstdCompressor().compressobj()
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()


@pytest.mark.parametrize(
    ("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstandard.ZstdCompressor().compress)]
)
def test_an_archive_of_many_is_read_whole(tmp_path, suffix, pack):
    found, plain = unpacked(tmp_path, pack(b'{"a":1}\n') * 5000 + pack(b"last"), suffix)
    assert (found.damage, found.lines, plain) == (None, 5001, b'{"a":1}\n' * 5000 + b"last")


def test_unpacking_many_small_archives_handles_every_byte_a_few_times(tmp_path, monkeypatch):
    """15,000 members of 22 bytes: what decoders are handed is the file some 25 times, whatever its length."""
    member, handed = gzip.compress(b"x\n"), []
    make, first = delivery._ARCHIVES[".gz"]

    class Counting:
        def __init__(self):
            self.inner = make()

        def decompress(self, piece):
            handed.append(len(piece))
            return self.inner.decompress(piece)

        def __getattr__(self, name):
            return getattr(self.inner, name)

    monkeypatch.setitem(delivery._ARCHIVES, ".gz", (Counting, first))
    for members in (5_000, 15_000):
        handed.clear()
        found, _ = unpacked(tmp_path, member * members)
        assert found.lines == members
        assert sum(handed) < 40 * len(member) * members


def test_what_unpacks_to_much_needs_little_memory(tmp_path):
    """256 MiB of zeros from some 10 kB; a piece of the archive unpacks to 32 MiB at most."""
    path = tmp_path / "a.ndjson.zst"
    path.write_bytes(bomb(256 << 20))
    tracemalloc.start()
    try:
        found = inspect(path, tmp_path / "plain")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.size == 256 << 20
    assert peak < 96 << 20


def test_an_archive_beyond_the_limit_is_refused_with_what_to_do(desk, monkeypatch):
    monkeypatch.setattr(delivery, "_ALWAYS_ALLOWED", 1 << 20)
    desk.land(bomb(8 << 20), name="bomb.ndjson.zst")
    desk.run()
    assert desk.reasons() == {1: "archive_too_large"}
    assert "TOLLBOOK_UNPACK_RATIO" in desk.rejects()[0]["detail"]
    monkeypatch.setenv("TOLLBOOK_UNPACK_RATIO", "100000")
    desk.run()
    assert desk.reasons() == {1: "truncated_line"}


def test_a_ratio_that_is_not_a_number_is_an_error(monkeypatch):
    monkeypatch.setenv("TOLLBOOK_UNPACK_RATIO", "many")
    with pytest.raises(ValueError, match="whole number"):
        delivery.unpack_ratio()


def test_zeros_after_an_archive_are_padding(tmp_path):
    found, plain = unpacked(tmp_path, gzip.compress(b"a\nb") + bytes(5000))
    assert (found.damage, found.lines, plain) == (None, 2, b"a\nb")


@pytest.mark.parametrize(
    ("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstandard.ZstdCompressor().compress)]
)
def test_garbage_after_an_archive_loses_no_line_before_it(tmp_path, suffix, pack):
    found, plain = unpacked(tmp_path, pack(b"a\nb") + b"garbage", suffix)
    assert (found.damage, found.lines, plain) == ("trailing_garbage", 2, b"a\nb")


def test_a_cut_archive_keeps_its_whole_lines(tmp_path):
    found, plain = unpacked(tmp_path, gzip.compress(b"a\nb\nc", mtime=0)[:-3])
    assert (found.damage, plain) == ("truncated_archive", b"a\nb\n")
