"""Whatever bytes come: the same frames for every cut, no error but the named ones, bounded memory."""

import contextlib
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest import chirpstack, osmand, sensors, weighbridge
from services.ingest.intake import Outgoing, Rejected, event_record
from services.ingest.jt808 import frame
from services.ingest.jt808.frame import Frame, Framer, encode
from services.ingest.jt808.parts import Message, Reassembler
from services.ingest.jt808.session import Close, Keep, Known, Session, heard
from services.store.register import Device, Terminal, secret_hash
from streams import codec
from streams.events import Weighing
from streams.topics import BY_NAME

TERMINAL = Terminal(
    phone="013912345678",
    tenant_id="porto",
    truck_id="t1",
    terminal_id="QY00001",
    plate="QY-001",
    profile="muck-truck-a",
    auth_hash=secret_hash("code"),
)
PHONE = bytes.fromhex(TERMINAL.phone)
DEVICE = Device(protocol="osmand", device_id="d", tenant_id="porto", entity_kind="truck", entity_id="x")

frames = st.builds(
    lambda message_id, serial, body, version: encode(
        message_id=message_id,
        phone=PHONE if version is None else PHONE.rjust(10, b"\x00"),
        serial=serial,
        body=body,
        protocol_version=version,
    ),
    st.sampled_from([0x0001, 0x0002, 0x0100, 0x0102, 0x0200, 0x0704, 0x0900]),
    st.integers(0, 0xFFFF),
    st.binary(max_size=120),
    st.none() | st.integers(0, 255),
)
mutated = st.builds(
    lambda raw, at, value: raw[: at % len(raw)] + value + raw[at % len(raw) + 1 :],
    frames,
    st.integers(0, 10_000),
    st.binary(max_size=3),
)
json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def assert_decodes(record: Outgoing) -> None:
    """The record is one its topic promises: what we send, others can read."""
    topic = BY_NAME[record.topic]
    assert record.key
    assert topic.record is None or codec.decode(topic, record.value) is not None


@given(st.binary(max_size=2000))
def test_escaping_can_be_undone(data: bytes) -> None:
    """``unescape(escape(x)) == x``, and no flag is left inside."""
    escaped = frame.escape(data)
    assert frame.FLAG not in escaped
    assert frame.unescape(escaped) == data


@given(frames)
def test_a_frame_comes_back_as_it_was_sent(raw: bytes) -> None:
    """Decoding what was encoded gives it back, with its bytes."""
    [found] = Framer().feed(raw)
    assert isinstance(found, Frame)
    assert found.raw == raw
    assert found.phone_number == "13912345678"


@given(st.lists(frames | mutated | st.binary(max_size=50), max_size=6), st.data())
def test_every_cut_gives_the_same_frames(pieces: list[bytes], data: st.DataObject) -> None:
    """TCP cuts where it likes."""
    stream = b"".join(pieces)
    whole = Framer().feed(stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    framer = Framer()
    cut = [
        one
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for one in framer.feed(stream[start:end])
    ]
    assert cut == whole


@settings(max_examples=300)
@given(st.lists(frames | mutated | st.binary(max_size=300), max_size=8), st.booleans())
def test_no_bytes_break_a_session(pieces: list[bytes], authenticated: bool) -> None:
    """The state machine takes anything; what it wants kept always has a topic, a key and headers."""
    framer, parts = Framer(), Reassembler()
    session = Session("s", terminal=TERMINAL, phone="13912345678") if authenticated else Session("s")
    for piece in pieces:
        for found in framer.feed(piece):
            message = parts.add(found, 0.0) if isinstance(found, Frame) else found
            if message is None:
                continue
            session, outputs = heard(session, message, Known(1, TERMINAL, fresh_code="c" * 32))
            records = [record for output in outputs if isinstance(output, Keep) for record in output.records]
            assert session.terminal is not None or not records
            for record in records:
                assert_decodes(record)
            if any(isinstance(output, Close) for output in outputs):
                return


@given(
    st.lists(
        st.builds(lambda i, t, s: (i, t, s), st.integers(0, 70), st.integers(0, 70), st.integers(0, 9)), max_size=60
    )
)
def test_parts_never_hold_more_than_their_bound(numbers: list[tuple[int, int, int]]) -> None:
    """Whatever indexes and totals a terminal invents, and after a while nothing is held."""
    parts = Reassembler()
    for index, total, serial in numbers:
        if not 1 <= index <= total:
            continue
        one = Frame(message_id=0x0704, phone=PHONE, serial=serial, body=b"b", raw=b"raw", part=(total, index))
        found = parts.add(one, 0.0)
        assert found is None or not isinstance(found, Message) or len(found.frames) == total
    parts.expire(1e9)
    assert parts._bytes == 0


@given(
    st.dictionaries(
        st.sampled_from(["id", "lat", "lon", "location", "timestamp", "speed", "valid", "alarm"]), st.text(max_size=20)
    )
)
def test_any_form_is_a_fix_or_a_sentence(params: dict[str, str]) -> None:
    """OsmAnd parameters are text from anywhere."""
    with contextlib.suppress(Rejected):
        assert_decodes(event_record(osmand.decode(params, b"", DEVICE, 1)))


@given(st.binary(max_size=200))
def test_any_body_is_a_record_or_a_sentence(body: bytes) -> None:
    """Bytes that are no JSON, or JSON that is no request."""
    for decode in (
        lambda: osmand.decode({}, b"{" + body, DEVICE, 1),
        lambda: weighbridge.decode(body, DEVICE, 1),
        lambda: chirpstack.envelope(body),
    ):
        with contextlib.suppress(Rejected):
            assert decode() is not None


@given(
    st.dictionaries(
        st.sampled_from(["distance", "Distance", "fill", "FillLevel", "temperature", "position", "battery", "tilted"]),
        json_like,
    ),
    st.binary(max_size=30),
    st.sampled_from(sorted(sensors.SENSORS)),
    json_like,
)
def test_any_payload_is_a_reading_perhaps_an_invalid_one(
    decoded: dict[str, object], payload: bytes, sensor: str, depth: object
) -> None:
    """A sensor in the field cannot be argued with: every payload becomes a reading the contract allows."""
    device = Device(
        protocol="chirpstack",
        device_id="d",
        tenant_id="porto",
        entity_kind="bin",
        entity_id="b1",
        profile={"sensor": sensor, "depth_mm": depth},
    )
    found = chirpstack.decode(chirpstack.Uplink("d", 5, 1, decoded, payload), device, 9)
    assert_decodes(event_record(found))
    assert found.fill is None or 0 <= found.fill <= 1
    assert found.invalid is None or found.fill is None


@given(st.dictionaries(st.sampled_from(list(Weighing.__struct_fields__)), json_like))
def test_any_ticket_is_a_weighing_or_a_sentence(ticket: dict[str, object]) -> None:
    """Members of every kind."""
    body = json.dumps(ticket).encode()  # the standard library writes NaN, which is no JSON: it must be refused
    with contextlib.suppress(Rejected):
        found = weighbridge.decode(body, DEVICE, 1)
        assert found.facility_id == "x"
        assert_decodes(event_record(found))
