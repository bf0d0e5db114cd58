"""What the simulator keeps survives a stop; what is broken or not its own is not taken up."""

import stat
from pathlib import Path

import pytest

from services.simulator import keep
from services.simulator.keep import Saved, Shelf
from services.simulator.terminal import Kept
from services.simulator.town import Town


@pytest.fixture
def saved(town: Town) -> Saved:
    """A play with something under way."""
    return Saved(city="porto", seed=7, town=town.state, terminals={"1": Kept(None, 9, [], {4: b"\x7e\x00\x7e"})})


def test_a_kept_play_is_read_as_it_was(tmp_path: Path, saved: Saved) -> None:
    """Everything comes back, frames not yet acknowledged too; the files are the owner's alone."""
    shelf = Shelf(tmp_path / "simulator")
    shelf.write(keep.pack(keep.encode(saved)))
    assert shelf.read("porto", 7, saved.town.now_ms) == saved
    shelf.write_codes({"013900000001": "secret"})
    assert shelf.codes() == {"013900000001": "secret"}
    for file in (tmp_path / "simulator").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_another_citys_play_is_not_taken_up(tmp_path: Path, saved: Saved) -> None:
    """Another city, seed, or a play from the future: a new one begins."""
    shelf = Shelf(tmp_path)
    shelf.write(keep.pack(keep.encode(saved)))
    now_ms = saved.town.now_ms
    assert shelf.read("nantong", 7, now_ms) is None
    assert shelf.read("porto", 8, now_ms) is None
    assert shelf.read("porto", 7, now_ms - 3_600_000) is None


def test_a_broken_file_is_set_aside(tmp_path: Path, saved: Saved) -> None:
    """Half a file does not stop the town for ever: it is kept under another name, and a new play begins."""
    shelf = Shelf(tmp_path)
    shelf.write(keep.pack(keep.encode(saved))[:500])
    assert shelf.read("porto", 7, saved.town.now_ms) is None
    assert [file.suffix for file in tmp_path.iterdir()] == [".broken"]


def test_nothing_kept_is_a_new_play(tmp_path: Path) -> None:
    """The first time there is nothing to read."""
    assert Shelf(tmp_path).read("porto", 7, 0) is None
