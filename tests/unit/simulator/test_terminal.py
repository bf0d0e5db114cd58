"""A terminal loses nothing: what was not acknowledged is sent again, what could not be sent waits."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.jt808 import frame, messages
from services.ingest.jt808.frame import Frame, Framer
from services.simulator import jt808
from services.simulator.jt808 import Answer
from services.simulator.state import Report
from services.simulator.terminal import RESEND_S, WINDOW, Kept, Terminal

CODE = "c0de"


def a_report(number: int, *, reachable: bool = True) -> Report:
    """The report of a minute."""
    return Report(
        truck_id="t1", time_ms=1_795_503_930_000 + 60_000 * number, lon=-8.6, lat=41.1, fix=True, speed_mps=5.0,
        heading_deg=90.0, odometer_m=1.0, cover_open=False, bed_raised=False, loaded=False, full=False, load_kg=0.0,
        ignition=True, reachable=reachable,
    )  # fmt: skip


def a_terminal(kept: Kept | None = None) -> Terminal:
    """A terminal, switched on."""
    return Terminal(phone="013900000001", terminal_id="QY1", plate="AA-00-AA", header="2013", kept=kept or Kept())


class Platform:
    """What the other side has: reads by ingest's own code, acknowledges when told to."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.resent: list[bool] = []
        self.unanswered: list[Answer] = []
        self._framer = Framer()

    def hear(self, data: bytes) -> None:
        """Take bytes from the terminal."""
        for found in self._framer.feed(data):
            assert isinstance(found, Frame)
            if found.message_id == jt808.LOCATION:
                self.times.append(messages.location(found.body).time_ms)
                self.resent.append(False)
            elif found.message_id == jt808.LOCATIONS:
                batch = messages.locations(found.body)
                self.times += [messages.location(body).time_ms for body in batch.locations]
                self.resent += [batch.resent] * len(batch.locations)
            if found.message_id == jt808.REGISTER:
                self.unanswered.append(Answer(0x8100, messages.registered(found.serial, CODE)))
            else:
                body = messages.acknowledgement(found.serial, found.message_id, messages.Result.DONE)
                self.unanswered.append(Answer(0x8001, body))

    def answer(self, terminal: Terminal, now_s: float) -> None:
        """Answer everything heard, and what comes of it."""
        while self.unanswered:
            self.hear(terminal.take(self.unanswered.pop(0), now_s))

    def lose(self) -> None:
        """Let the answers under way be lost with the connection."""
        self.unanswered.clear()
        self._framer = Framer()


def online(terminal: Terminal, platform: Platform, now_s: float = 0.0) -> None:
    """Connect and be admitted."""
    platform.hear(terminal.connected(now_s))
    platform.answer(terminal, now_s)
    assert terminal.phase == "online"


def test_a_new_terminal_registers_then_authenticates() -> None:
    """Without a code it asks for one and uses it at once; with one it does not ask again."""
    terminal, platform = a_terminal(), Platform()
    online(terminal, platform)
    assert terminal.code == CODE
    second = a_terminal(terminal.kept())
    (first_frame,) = Framer().feed(second.connected(0.0))
    assert isinstance(first_frame, Frame)
    assert first_frame.message_id == jt808.AUTHENTICATE


def test_a_code_is_kept_though_it_is_refused() -> None:
    """A refused code is tried again; now and then the terminal asks for a new one, and never forgets the old before."""
    terminal = a_terminal(Kept(code=CODE))
    asked = []
    for _ in range(5):
        (sent,) = Framer().feed(terminal.connected(0.0))
        assert isinstance(sent, Frame)
        asked.append(sent.message_id)
        terminal.take(
            Answer(0x8001, messages.acknowledgement(sent.serial, sent.message_id, messages.Result.FAILED)), 0.0
        )
        terminal.disconnected()
        assert terminal.code == CODE
    assert jt808.REGISTER in asked
    assert asked[-1] == jt808.AUTHENTICATE


def test_an_unacknowledged_report_goes_again_as_the_same_bytes() -> None:
    """After the time-out, and after a lost connection, the platform sees the same serial again."""
    terminal, platform = a_terminal(), Platform()
    online(terminal, platform)
    sent = terminal.tell(a_report(1), 1.0)
    assert terminal.tick(2.0) == b""
    assert terminal.tick(2.0 + RESEND_S) == sent
    terminal.disconnected()
    platform.lose()
    (who,) = Framer().feed(terminal.connected(30.0))
    assert isinstance(who, Frame)
    done = messages.acknowledgement(who.serial, who.message_id, messages.Result.DONE)
    assert terminal.take(Answer(0x8001, done), 30.0) == sent


def test_a_dead_zone_is_told_afterwards() -> None:
    """Reports without signal wait; the first one with signal brings them all, marked as resent, in order."""
    terminal, platform = a_terminal(), Platform()
    online(terminal, platform)
    platform.hear(terminal.tell(a_report(0), 1.0))
    for number in range(1, 6):
        platform.hear(terminal.tell(a_report(number, reachable=False), 1.0))
    assert len(platform.times) == 1
    platform.hear(terminal.tell(a_report(6), 2.0))
    assert platform.times == [a_report(number).time_ms for number in range(7)]
    assert platform.resent == [False] + [True] * 6


def test_a_silent_platform_is_not_flooded() -> None:
    """While nothing is acknowledged no more than the window is under way; everything goes once answers come."""
    terminal, platform = a_terminal(), Platform()
    online(terminal, platform)
    for number in range(3 * WINDOW):
        platform.hear(terminal.tell(a_report(number), 1.0))
    assert len(platform.times) == WINDOW
    platform.answer(terminal, 2.0)
    assert sorted(platform.times) == [a_report(number).time_ms for number in range(3 * WINDOW)]
    assert terminal.waiting == 0


def test_a_line_without_acknowledgements_is_given_up() -> None:
    """A connection on which nothing is heard for a minute is dead; one without anything under way is not."""
    terminal, platform = a_terminal(), Platform()
    online(terminal, platform)
    assert not terminal.is_dead(1000.0)
    terminal.tell(a_report(1), 1.0)
    assert not terminal.is_dead(30.0)
    assert terminal.is_dead(61.0 + 1)


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["tell", "dark", "answer", "cut", "late", "off"]), max_size=60))
def test_whatever_happens_everything_arrives(happenings: list[str]) -> None:
    """Through lost answers, cuts, dead zones and restarts, in the end the platform has every report."""
    terminal, platform = a_terminal(), Platform()
    online(terminal, platform)
    told, now_s = 0, 0.0
    for happening in happenings:
        now_s += 1.0
        match happening:
            case "tell" | "dark":
                platform.hear(terminal.tell(a_report(told, reachable=happening == "tell"), now_s))
                told += 1
            case "answer":
                platform.answer(terminal, now_s)
            case "late":
                now_s += RESEND_S
                platform.hear(terminal.tick(now_s))
            case _:
                terminal.disconnected()
                platform.lose()
                if happening == "off":
                    terminal = a_terminal(terminal.kept())
                online(terminal, platform, now_s)
    platform.hear(terminal.tell(a_report(told), now_s))
    for _ in range(5):
        now_s += RESEND_S + 1
        platform.hear(terminal.tick(now_s))
        platform.answer(terminal, now_s)
    assert set(platform.times) == {a_report(number).time_ms for number in range(told + 1)}
    assert terminal.waiting == 0


def test_a_serial_wraps() -> None:
    """After 65,535 comes 0."""
    terminal = a_terminal(Kept(code=CODE, serial=65_534))
    first, second = (Framer().feed(terminal.connected(0.0))[0] for _ in range(2))
    assert isinstance(first, Frame)
    assert isinstance(second, Frame)
    assert (first.serial, second.serial) == (65_535, 0)


def test_check_bytes_are_what_ingest_expects() -> None:
    """A frame's bytes, read and written again by ingest, are the same."""
    (found,) = Framer().feed(a_terminal().connected(0.0))
    assert isinstance(found, Frame)
    again = frame.encode(message_id=found.message_id, phone=found.phone, serial=found.serial, body=found.body)
    assert again == found.raw
