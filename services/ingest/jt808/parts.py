"""Sub-packaged messages put together again, within bounds of number, size and time."""

from dataclasses import dataclass, field
from typing import Final

from services.ingest.jt808.frame import BadFrame, Frame

MAX_PARTS: Final = 64
MAX_BYTES: Final = 256 * 1024
"""Of all unfinished messages of one terminal."""
MAX_WAIT_S: Final = 60.0
"""From the first part to the last, wall time."""


@dataclass(frozen=True)
class Message:
    """A whole message: its frames in order of their index, and the joined body."""

    frames: tuple[Frame, ...]
    body: bytes

    @property
    def first(self) -> Frame:
        """The frame whose header speaks for all."""
        return self.frames[0]

    @property
    def raw(self) -> bytes:
        """The bytes as they came, one frame after the other."""
        return b"".join(frame.raw for frame in self.frames)


@dataclass
class _Unfinished:
    total: int
    since_s: float
    frames: dict[int, Frame] = field(default_factory=dict)


@dataclass
class Reassembler:
    """Holds the unfinished messages of one session. Times are the caller's monotonic seconds."""

    _unfinished: dict[tuple[int, int], _Unfinished] = field(default_factory=dict)
    _bytes: int = 0

    def add(self, frame: Frame, now_s: float) -> Message | BadFrame | None:
        """Return the message this frame completes, why it is refused, or None while parts are missing.

        Parts of one message have serials that count up with their index, so ``serial - index`` names the message.
        A part that comes again replaces the first.
        """
        if frame.part is None:
            return Message((frame,), frame.body)
        total, index = frame.part
        if total > MAX_PARTS:
            return BadFrame(f"message has {total} sub-packages, at most {MAX_PARTS} are taken", frame.raw)
        if self._bytes + len(frame.raw) > MAX_BYTES:
            return BadFrame(f"unfinished sub-packages hold more than {MAX_BYTES} bytes", frame.raw)
        key = (frame.message_id, (frame.serial - index) & 0xFFFF)
        parts = self._unfinished.setdefault(key, _Unfinished(total, now_s))
        if parts.total != total:
            return BadFrame(f"sub-package says {total} in all, those before said {parts.total}", frame.raw)
        self._bytes += len(frame.raw) - len(parts.frames[index].raw if index in parts.frames else b"")
        parts.frames[index] = frame
        if len(parts.frames) < total:
            return None
        self._forget(key)
        frames = tuple(parts.frames[number] for number in range(1, total + 1))
        return Message(frames, b"".join(part.body for part in frames))

    def expire(self, now_s: float) -> list[BadFrame]:
        """Give up messages whose parts did not all come in time; none of their parts was acknowledged."""
        late = [key for key, parts in self._unfinished.items() if now_s - parts.since_s > MAX_WAIT_S]
        return [self._give_up(key) for key in late]

    def _give_up(self, key: tuple[int, int]) -> BadFrame:
        parts = self._forget(key)
        raw = b"".join(frame.raw for _, frame in sorted(parts.frames.items()))
        return BadFrame(f"{len(parts.frames)} of {parts.total} sub-packages came within {MAX_WAIT_S:.0f} s", raw)

    def _forget(self, key: tuple[int, int]) -> _Unfinished:
        parts = self._unfinished.pop(key)
        self._bytes -= sum(len(frame.raw) for frame in parts.frames.values())
        return parts
