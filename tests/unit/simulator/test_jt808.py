"""A terminal's frames, byte by byte, and read back by ingest, which shares no code with them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.jt808 import frame as ingest_frame
from services.ingest.jt808 import messages, profiles
from services.ingest.jt808.frame import Frame, Framer
from services.ingest.jt808.report import truck_state
from services.simulator import jt808
from services.simulator.jt808 import Answers
from services.simulator.state import Report
from services.store.register import Terminal
from streams.events import TruckState

# The location report in the README of SmallChi/JT808: phone 123456789012, serial 126, which has to be escaped twice.
PUBLISHED = bytes.fromhex(
    "7e 0200 0026 123456789012 007d02 00000001 00000002 00ba7f0e 07e4f11c 0028 003c 0000 181015101010"
    "0104 00000064 0202 007d01 13 7e"
)
PUBLISHED_BODY = bytes.fromhex(
    "00000001 00000002 00ba7f0e 07e4f11c 0028 003c 0000 181015101010 0104 00000064 0202 007d"
)


def a_report(**changes: object) -> Report:
    """A loaded truck under way in Porto."""
    given_: dict[str, object] = {
        "truck_id": "t1", "time_ms": 1_795_503_930_000, "lon": -8.611234, "lat": 41.150987, "fix": True,
        "speed_mps": 8.5, "heading_deg": 359.7, "odometer_m": 123_456_789.0, "cover_open": False, "bed_raised": False,
        "loaded": True, "full": False, "load_kg": 9_876.4, "ignition": True,
    }  # fmt: skip
    return Report(**(given_ | changes))  # type: ignore[arg-type]


def read_by_ingest(data: bytes) -> Frame:
    """The one frame in the bytes, as ingest reads it."""
    (found,) = Framer().feed(data)
    assert isinstance(found, Frame)
    return found


def test_published_bytes() -> None:
    """The frame of the published example comes out byte for byte, escapes and check included."""
    made = jt808.frame(jt808.LOCATION, PUBLISHED_BODY, phone="123456789012", serial=126, header="2013")
    assert made == PUBLISHED


def test_times_are_bcd_in_gmt8() -> None:
    """2018-10-15 10:10:10 in Beijing is 02:10:10 UTC."""
    assert jt808.bcd_time(1_539_569_410_000).hex() == "181015101010"


@pytest.mark.parametrize("header", ["2013", "2019"])
def test_both_headers_say_the_same(header: jt808.Header) -> None:
    """Ingest finds message, phone, serial and body in either header."""
    found = read_by_ingest(jt808.frame(0x0002, b"", phone="013900000007", serial=65_535, header=header))
    assert (found.message_id, found.phone_number, found.serial, found.body) == (2, "13900000007", 65_535, b"")
    assert found.protocol_version == (1 if header == "2019" else None)


@pytest.mark.parametrize("header", ["2013", "2019"])
def test_ingest_reads_who_a_terminal_is(header: jt808.Header) -> None:
    """Registration and authentication carry terminal id, plate and code."""
    v2019 = header == "2019"
    asked = messages.registration(jt808.registration("QY00007", "AB-12-CD", header), v2019=v2019)
    assert (asked.terminal_id, asked.plate) == ("QY00007", "AB-12-CD")
    assert messages.authentication(jt808.authentication("0123456789abcdef", header), v2019=v2019).code == (
        "0123456789abcdef"
    )


def test_ingest_reads_what_a_truck_reports() -> None:
    """Place, speed, time, cover, bed and load come through to the rounding of the wire."""
    terminal = Terminal(
        phone="013900000007", tenant_id="porto", truck_id="t1", terminal_id="QY00007", plate="AB-12-CD",
        profile="muck-truck-a",
    )  # fmt: skip

    def read(report: Report) -> TruckState:
        return truck_state(
            messages.location(jt808.location(report)), terminal, profiles.named("muck-truck-a"), seq=1,
            received_time_ms=0, resent=False,
        )  # fmt: skip

    state = read(a_report(cover_open=True, bed_raised=True, full=True))
    assert (state.lon, state.lat, state.event_time_ms) == (-8.611234, 41.150987, 1_795_503_930_000)
    assert (state.cover, state.bed, state.load_state, state.load_kg) == ("open", "raised", "full", 9876.0)
    assert abs(state.speed_mps - 8.5) < 0.02
    assert (state.heading_deg, state.odometer_m, state.fix, state.ignition) == (0.0, 123_456_800.0, True, True)
    unmeasured = read(a_report(load_kg=None, loaded=False, fix=False))
    assert unmeasured.load_kg is None  # unknown, not 0
    assert (unmeasured.fix, unmeasured.load_state) == (False, "empty")


def test_a_batch_fits_one_frame() -> None:
    """As many reports as a terminal sends at once are one frame, and ingest finds each of them, marked as resent."""
    reports = [a_report(time_ms=1_795_503_930_000 + 10_000 * n) for n in range(jt808.BATCH_REPORTS)]
    found = read_by_ingest(
        jt808.frame(jt808.LOCATIONS, jt808.locations(reports), phone="013900000007", serial=9, header="2019")
    )
    batch = messages.locations(found.body)
    assert batch.resent
    assert [messages.location(body).time_ms for body in batch.locations] == [report.time_ms for report in reports]


def test_a_body_too_long_is_refused() -> None:
    """Sub-packages are not written: a body that needs them is an error, not a broken frame."""
    with pytest.raises(ValueError, match="1024 bytes"):
        jt808.frame(0x0704, bytes(1024), phone="1", serial=1, header="2013")


@given(body=st.binary(max_size=300), serial=st.integers(0, 65_535), cut=st.integers(1, 7))
def test_any_bytes_survive_the_wire(body: bytes, serial: int, cut: int) -> None:
    """Whatever the body and wherever reads cut it, the other side finds the same bytes."""
    data = jt808.frame(0x0900, body, phone="13900000007", serial=serial, header="2013")
    framer = Framer()
    pieces = [found for at in range(0, len(data), cut) for found in framer.feed(data[at : at + cut])]
    assert [(piece.body, piece.serial) for piece in pieces if isinstance(piece, Frame)] == [(body, serial)]
    answers = Answers()
    answer = ingest_frame.encode(message_id=0x8001, phone=bytes(6), serial=serial, body=body)
    heard = [one for at in range(0, len(answer), cut) for one in answers.feed(answer[at : at + cut])]
    assert [(one.message_id, one.body) for one in heard] == [(0x8001, body)]
