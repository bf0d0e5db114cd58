"""One terminal's connection: who may register, authenticate, report; each rule from both sides."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from services.ingest.jt808.frame import BadFrame, Frame, Framer, encode
from services.ingest.jt808.parts import Message
from services.ingest.jt808.session import (
    MAX_STRIKES,
    MAX_WRONG_CODES,
    RIVAL_S,
    Admit,
    Bind,
    Close,
    Issue,
    Keep,
    Known,
    Note,
    Output,
    Send,
    Session,
    bound,
    heard,
)
from services.store.register import Terminal, secret_hash
from streams.events import TruckState

PHONE = "013912345678"
CODE = "0123456789abcdef0123456789abcdef"
NEW = Terminal(
    phone=PHONE, tenant_id="porto", truck_id="t1", terminal_id="QY00001", plate="QY-001", profile="muck-truck-a"
)
KNOWN = replace(NEW, auth_hash=secret_hash(CODE))
NOW_MS = 1_795_462_332_400
AUTHENTICATED = Session("s1", terminal=KNOWN, phone=PHONE.lstrip("0"))
FIX = bytes.fromhex("00000000 00000003 0273E4B0 00836150 005A 0168 010E 261124120000".replace(" ", ""))


def message(message_id: int, body: bytes = b"", *, phone: str = PHONE, serial: int = 7, v2019: bool = False) -> Message:
    """Return a message as it comes off the wire."""
    digits = bytes.fromhex(phone.zfill(20 if v2019 else 12))
    raw = encode(message_id=message_id, phone=digits, serial=serial, body=body, protocol_version=1 if v2019 else None)
    [frame] = Framer().feed(raw)
    assert isinstance(frame, Frame)
    return Message((frame,), frame.body)


def known(terminal: Terminal | None = KNOWN, **more: Any) -> Known:
    """Return what the caller knows."""
    return Known(NOW_MS, terminal, fresh_code="f" * 32, **more)


def registration(terminal_id: str = "QY00001", plate: str = "QY-001") -> Message:
    """Return a 2013 registration."""
    fixed = bytes(4) + b"QY".ljust(5, b"\x00") + b"M1".ljust(20, b"\x00") + terminal_id.encode().ljust(7, b"\x00")
    return message(0x0100, fixed + b"\x02" + plate.encode("gbk"))


def of(outputs: list[Output], kind: type) -> list[Any]:
    """Return the outputs of one kind."""
    return [output for output in outputs if isinstance(output, kind)]


def answers(outputs: list[Output]) -> list[tuple[int, bytes]]:
    """Return (message id, body) of every frame that would be written, at once or when kept."""
    data = b"".join([*(one.data for one in of(outputs, Send)), *(one.reply for one in of(outputs, Keep))])
    frames = Framer().feed(data)
    return [(frame.message_id, frame.body) for frame in frames if isinstance(frame, Frame)]


def outcome(outputs: list[Output]) -> str:
    """Return what was counted."""
    return str(of(outputs, Note)[-1].outcome)


# --------------------------------------------------------------------------------------------- registration


def test_a_new_terminal_gets_a_code() -> None:
    """A phone of the register without a code, with matching id and plate, is answered with a fresh code."""
    _, outputs = heard(Session("s1"), registration(), known(NEW))
    assert answers(outputs) == [(0x8100, b"\x00\x07\x00" + b"f" * 32)]
    assert of(outputs, Issue) == [Issue(PHONE, secret_hash("f" * 32))]


def test_a_reopened_terminal_gets_a_code() -> None:
    """An administrator may reopen a terminal that has one."""
    _, outputs = heard(Session("s1"), registration(), known(replace(KNOWN, reopened=True)))
    assert outcome(outputs) == "registered"


@pytest.mark.parametrize(
    ("asked", "terminal"),
    [
        (registration(), None),
        (registration(), KNOWN),
        (registration(terminal_id="QY00002"), NEW),
        (registration(plate="QY-002"), NEW),
    ],
    ids=["not in the register", "has its code", "another terminal id", "another plate"],
)
def test_any_other_registration_is_met_with_silence(asked: Message, terminal: Terminal | None) -> None:
    """No answer tells a stranger nothing; the refusal is counted and logged with its reason."""
    _, outputs = heard(Session("s1"), asked, known(terminal))
    assert answers(outputs) == []
    assert outcome(outputs) == "refused"
    assert of(outputs, Issue) == []


# --------------------------------------------------------------------------------------------- authentication


@pytest.mark.parametrize("v2019", [False, True])
def test_the_right_code_admits(v2019: bool) -> None:
    """Code and phone belong together; the answer is 0x8001 with result 0 under the same header."""
    body = b"\x20" + CODE.encode() + b"860000000000001" + bytes(20) if v2019 else CODE.encode()
    session, outputs = heard(Session("s1"), message(0x0102, body, v2019=v2019), known())
    assert session.terminal == KNOWN
    assert of(outputs, Admit) == [Admit(KNOWN)]
    assert answers(outputs) == [(0x8001, b"\x00\x07\x01\x02\x00")]


def test_a_wrong_code_is_refused_and_the_third_ends_the_connection() -> None:
    """Result 1, and no endless guessing."""
    session = Session("s1")
    for _ in range(MAX_WRONG_CODES):
        session, outputs = heard(session, message(0x0102, b"wrong"), known())
        assert answers(outputs) == [(0x8001, b"\x00\x07\x01\x02\x01")]
    assert session.terminal is None
    assert of(outputs, Close)


def test_no_code_fits_a_terminal_that_has_none() -> None:
    """An empty code does not open a terminal without one."""
    session, _ = heard(Session("s1"), message(0x0102, b""), known(NEW))
    assert session.terminal is None


def test_a_stranger_is_answered_like_a_wrong_code() -> None:
    """The answer does not tell whether the phone is in the register."""
    _, stranger = heard(Session("s1"), message(0x0102, b"x"), known(None))
    _, wrong = heard(Session("s1"), message(0x0102, b"x"), known())
    assert answers(stranger) == answers(wrong)


def test_a_fresh_code_is_bound_at_its_first_use() -> None:
    """The register stores it then; nothing is admitted before it has."""
    pending = known(NEW, pending_hash=secret_hash(CODE))
    session, outputs = heard(Session("s1"), message(0x0102, CODE.encode()), pending)
    assert session.terminal is None
    [bind] = outputs
    assert isinstance(bind, Bind)
    assert bind.code_hash == secret_hash(CODE)
    admitted, outputs = bound(session, bind, pending, stored=True)
    assert admitted.terminal == NEW
    refused, outputs = bound(session, bind, pending, stored=False)
    assert refused.terminal is None
    assert answers(outputs) == [(0x8001, b"\x00\x07\x01\x02\x01")]


def test_a_second_session_does_not_win_while_the_first_is_alive() -> None:
    """Heard less than 30 s ago: the second is refused, counted and closed."""
    session, outputs = heard(Session("s2"), message(0x0102, CODE.encode()), known(rival_idle_s=RIVAL_S - 1))
    assert session.terminal is None
    assert outcome(outputs) == "second_session"
    assert of(outputs, Close)
    assert of(outputs, Admit) == []


def test_a_second_session_takes_over_from_a_silent_one_and_says_so() -> None:
    """A truck that lost its connection is not locked out; the change is counted."""
    session, outputs = heard(Session("s2"), message(0x0102, CODE.encode()), known(rival_idle_s=RIVAL_S + 1))
    assert session.terminal == KNOWN
    assert [note.outcome for note in of(outputs, Note)] == ["session_replaced", "authenticated"]


# --------------------------------------------------------------------------------------------- reports


def test_nothing_is_ingested_before_authentication() -> None:
    """A perfect report of a known phone is not kept, not even as a dead letter, and not answered."""
    session, outputs = heard(Session("s1"), message(0x0200, FIX), known())
    assert of(outputs, Keep) == []
    assert answers(outputs) == []
    assert outcome(outputs) == "unauthenticated"
    assert session.strikes == 1


def test_a_report_is_acknowledged_with_raw_and_canonical_record_kept() -> None:
    """The acknowledgement hangs on both records: the bytes as they came, and the truck state."""
    report = message(0x0200, FIX)
    _, outputs = heard(AUTHENTICATED, report, known())
    [keep] = of(outputs, Keep)
    raw, state = keep.records
    assert (raw.topic, raw.key, raw.value) == ("raw-frames", PHONE.encode(), report.raw)
    assert dict(raw.headers)["received_time_ms"] == str(NOW_MS).encode()
    assert dict(raw.headers)["session"] == b"s1"
    decoded = msgspec.json.decode(state.value, type=TruckState)
    assert (state.topic, state.key, decoded.seq, decoded.truck_id) == ("truck-states", b"t1", 7, "t1")
    assert answers(outputs) == [(0x8001, b"\x00\x07\x02\x00\x00")]
    assert of(outputs, Send) == []


def test_a_report_under_another_phone_is_not_ingested() -> None:
    """After log-in every frame must carry the session's phone; the bytes are set aside, unanswered."""
    _, outputs = heard(AUTHENTICATED, message(0x0200, FIX, phone="013900000000"), known())
    [keep] = of(outputs, Keep)
    assert [record.topic for record in keep.records] == ["dead-letters"]
    assert answers(outputs) == []
    assert outcome(outputs) == "other_phone"


def test_an_authentication_under_another_phone_is_not_written_anywhere() -> None:
    """It may hold a code."""
    session, outputs = heard(AUTHENTICATED, message(0x0102, CODE.encode(), phone="013900000000"), known())
    assert of(outputs, Keep) == []
    assert session.terminal == KNOWN


def test_an_impossible_report_is_set_aside_and_answered_as_wrong() -> None:
    """Result 2: the terminal need not send it again; the dead letter says why."""
    nowhere = FIX[:8] + bytes(8) + FIX[16:]
    session, outputs = heard(AUTHENTICATED, message(0x0200, nowhere), known())
    [keep] = of(outputs, Keep)
    [letter] = keep.records
    assert dict(letter.headers)["reason"].startswith(b"lon, lat is 0, 0")
    assert dict(letter.headers)["stage"] == b"ingest"
    assert answers(outputs) == [(0x8001, b"\x00\x07\x02\x00\x02")]
    assert session.terminal == KNOWN


def test_a_blind_area_batch_is_marked_resent() -> None:
    """Type 1 of 0x0704."""
    body = b"\x00\x02\x01" + 2 * (len(FIX).to_bytes(2) + FIX)
    _, outputs = heard(AUTHENTICATED, message(0x0704, body), known())
    [keep] = of(outputs, Keep)
    states = [msgspec.json.decode(record.value, type=TruckState) for record in keep.records[1:]]
    assert [state.resent for state in states] == [True, True]


def test_one_wrong_report_does_not_spoil_its_batch() -> None:
    """The others are kept, the wrong one is set aside, and the batch counts as done."""
    wrong = FIX[:22] + b"\xaa" * 6
    body = b"\x00\x02\x00" + len(FIX).to_bytes(2) + FIX + len(wrong).to_bytes(2) + wrong
    _, outputs = heard(AUTHENTICATED, message(0x0704, body), known())
    [keep] = of(outputs, Keep)
    assert [record.topic for record in keep.records] == ["raw-frames", "truck-states", "dead-letters"]
    assert answers(outputs)[0][1][-1] == 0
    assert outcome(outputs) == "partly_rejected"


def test_a_heartbeat_is_acknowledged() -> None:
    """Its bytes are kept, there is no canonical record."""
    _, outputs = heard(AUTHENTICATED, message(0x0002), known())
    assert [record.topic for record in of(outputs, Keep)[0].records] == ["raw-frames"]
    assert answers(outputs) == [(0x8001, b"\x00\x07\x00\x02\x00")]


def test_an_unknown_message_is_kept_and_answered_as_unsupported() -> None:
    """Result 3."""
    _, outputs = heard(AUTHENTICATED, message(0x0900, b"\x41data"), known())
    assert [record.topic for record in of(outputs, Keep)[0].records] == ["raw-frames"]
    assert answers(outputs) == [(0x8001, b"\x00\x07\x09\x00\x03")]


def test_every_part_of_a_message_is_acknowledged_when_the_whole_is_kept() -> None:
    """One 0x8001 for each sub-package, all of them behind the same confirmation."""
    frames = tuple(
        Frame(message_id=0x0200, phone=bytes.fromhex(PHONE), serial=50 + index, body=half, raw=half, part=(2, index))
        for index, half in ((1, FIX[:10]), (2, FIX[10:]))
    )
    _, outputs = heard(AUTHENTICATED, Message(frames, FIX), known())
    assert [body[:2] for _, body in answers(outputs)] == [b"\x00\x33", b"\x00\x34"]
    assert len(of(outputs, Keep)) == 1


def test_the_register_may_move_a_terminal_while_it_is_connected() -> None:
    """Reports count for the truck the register names at their arrival."""
    _, outputs = heard(AUTHENTICATED, message(0x0200, FIX), known(replace(KNOWN, truck_id="t9")))
    assert of(outputs, Keep)[0].records[1].key == b"t9"


def test_bad_frames_of_a_known_terminal_are_set_aside() -> None:
    """The connection goes on; the bytes are kept with the reason."""
    session, outputs = heard(AUTHENTICATED, BadFrame("check is 00, expected 01", b"\x7exx\x7e"), known())
    [keep] = of(outputs, Keep)
    assert (keep.records[0].topic, keep.records[0].value) == ("dead-letters", b"\x7exx\x7e")
    assert of(outputs, Close) == []
    assert session.terminal == KNOWN


def test_bad_frames_of_a_stranger_cost_nothing_but_a_counter() -> None:
    """Nobody can fill Kafka without a code."""
    _, outputs = heard(Session("s1"), BadFrame("rubbish", b"xx"), known(None))
    assert of(outputs, Keep) == []


def test_only_rubbish_ends_the_connection() -> None:
    """Twenty useless frames in a row; a good one in between starts the count again."""
    session = AUTHENTICATED
    for _ in range(MAX_STRIKES - 1):
        session, outputs = heard(session, BadFrame("rubbish", b"xx"), known())
        assert of(outputs, Close) == []
    session, _ = heard(session, message(0x0002), known())
    assert session.strikes == 0
    for _ in range(MAX_STRIKES):
        session, outputs = heard(session, BadFrame("rubbish", b"xx"), known())
    assert of(outputs, Close)


def test_serials_of_answers_count_up_and_wrap() -> None:
    """Ours, not the terminal's."""
    session = replace(AUTHENTICATED, next_serial=0xFFFF)
    session, outputs = heard(session, message(0x0002), known())
    [frame] = Framer().feed(of(outputs, Keep)[0].reply)
    assert isinstance(frame, Frame)
    assert (frame.serial, session.next_serial) == (0xFFFF, 0)
