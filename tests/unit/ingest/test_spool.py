"""The spool keeps what it has confirmed, in order, whatever moment the power fails."""

import base64
import json
from pathlib import Path

import pytest

from services.ingest.spool import Spool, SpoolFull


def drained(spool: Spool) -> list[bytes]:
    """Take everything out, oldest first."""
    found: list[bytes] = []
    while spool.entries:
        found += spool.oldest()
        spool.drop_oldest()
    return found


def test_entries_leave_in_order_across_segments(tmp_path: Path) -> None:
    """Many small segments, one order."""
    spool = Spool(tmp_path, segment_bytes=100)
    given = [f"entry {number}".encode() for number in range(50)]
    for entry in given:
        spool.append([entry])
    assert spool.entries == 50
    assert len(list(tmp_path.glob("*.spool"))) > 5
    assert drained(spool) == given
    assert spool.entries == 0


def test_entries_survive_a_restart(tmp_path: Path) -> None:
    """What was confirmed is there again; new entries go behind it."""
    Spool(tmp_path).append([b"one", b"two"])
    again = Spool(tmp_path)
    again.append([b"three"])
    assert drained(again) == [b"one", b"two", b"three"]


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_torn_tail_is_cut_off(tmp_path: Path, cut: int) -> None:
    """A crash in the middle of a write costs the entry nobody was told of, and nothing else."""
    spool = Spool(tmp_path)
    spool.append([b"kept"])
    spool.append([b"torn by a crash"])
    [segment] = tmp_path.glob("*.spool")
    segment.write_bytes(segment.read_bytes()[:-cut])
    again = Spool(tmp_path)
    again.append([b"after"])
    assert drained(again) == [b"kept", b"after"]


def test_a_damaged_entry_is_found_by_its_crc_and_set_aside(tmp_path: Path) -> None:
    """A flipped bit is not passed on as a record; the bytes stay for people to look at."""
    Spool(tmp_path).append([b"kept", b"damaged"])
    [segment] = tmp_path.glob("*.spool")
    data = bytearray(segment.read_bytes())
    data[-1] ^= 1
    segment.write_bytes(bytes(data))
    assert drained(Spool(tmp_path)) == [b"kept"]
    assert [path.suffix for path in tmp_path.glob("*.damaged")] == [".damaged"]


def test_a_full_spool_refuses_and_writes_nothing(tmp_path: Path) -> None:
    """The bound holds for the whole batch; after draining there is room again."""
    spool = Spool(tmp_path, max_bytes=100)
    spool.append([b"x" * 60])
    with pytest.raises(SpoolFull, match="at most 100"):
        spool.append([b"y" * 20, b"z" * 20])
    assert spool.entries == 1
    drained(spool)
    spool.append([b"y" * 20, b"z" * 20])
    assert spool.entries == 2


def test_what_comes_while_the_oldest_is_read_is_not_dropped_with_it(tmp_path: Path) -> None:
    """Reading seals a segment: later entries go to the next."""
    spool = Spool(tmp_path)
    spool.append([b"first"])
    assert spool.oldest() == [b"first"]
    spool.append([b"second"])
    spool.drop_oldest()
    assert drained(spool) == [b"second"]


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    """Uplinks may name people's bins."""
    folder = tmp_path / "spool"
    Spool(folder).append([b"x"])
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())


def test_what_is_set_aside_stays_with_its_reason_and_counts_for_the_bound(tmp_path: Path) -> None:
    """Set aside twice, as after a crash, it is one file; also after a restart it takes room until it is taken away."""
    spool = Spool(tmp_path, max_bytes=200)
    spool.set_aside(b"x" * 60, "too large")
    spool.set_aside(b"x" * 60, "too large")
    [aside] = tmp_path.glob("*.refused")
    assert json.loads(aside.read_bytes()) == {"reason": "too large", "entry": base64.b64encode(b"x" * 60).decode()}
    for held in (spool, Spool(tmp_path, max_bytes=200)):
        assert held.entries == 0
        assert held.size == aside.stat().st_size
        with pytest.raises(SpoolFull):
            held.append([b"y" * 100])
    aside.unlink()
    Spool(tmp_path, max_bytes=200).append([b"y" * 100])
