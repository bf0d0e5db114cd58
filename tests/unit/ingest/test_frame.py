"""JT/T 808 on the wire, against bytes others published.

Sources of the bytes: jundayw/jtt808 README (2013 headers), makeclan/xtream-codec ``codec-utils.ts`` (2019 headers).
"""

import pytest

from services.ingest.jt808.frame import MAX_RAW_BYTES, BadFrame, Frame, Framer, encode, unescape

LOCATION_2013 = bytes.fromhex(
    "7E0200002601234567891200B900000000000000030261136106F0124D0058029400002304261530320104000004CE02020000AA7E"
)
ACKNOWLEDGEMENT_2013 = bytes.fromhex("7E800100050123456789124B3E00B9020000D17E")
ACKNOWLEDGEMENT_2019 = bytes.fromhex("7e8001400501000000000139123443290000006f020000dc7e")


def one(raw: bytes) -> Frame:
    """Return the only frame in the bytes."""
    [found] = Framer().feed(raw)
    assert isinstance(found, Frame)
    return found


def test_a_2013_header_is_read() -> None:
    """Twelve digits of phone, a serial, and the body without the check."""
    frame = one(LOCATION_2013)
    assert (frame.message_id, frame.phone_number, frame.serial) == (0x0200, "12345678912", 0x00B9)
    assert frame.protocol_version is None
    assert len(frame.body) == 0x26


def test_a_2019_header_is_read() -> None:
    """Bit 14 of the attributes brings a version byte and twenty digits of phone."""
    frame = one(ACKNOWLEDGEMENT_2019)
    assert (frame.message_id, frame.phone_number, frame.serial) == (0x8001, "13912344329", 0)
    assert frame.protocol_version == 1
    assert frame.body == bytes.fromhex("006f020000")


@pytest.mark.parametrize("published", [LOCATION_2013, ACKNOWLEDGEMENT_2013, ACKNOWLEDGEMENT_2019])
def test_encoding_gives_the_published_bytes(published: bytes) -> None:
    """What we would send is, byte for byte, what others send."""
    frame = one(published)
    again = encode(
        message_id=frame.message_id,
        phone=frame.phone,
        serial=frame.serial,
        body=frame.body,
        protocol_version=frame.protocol_version,
    )
    assert again == published


def test_escapes_are_undone_in_one_pass() -> None:
    """``7d 01 02`` is an escaped 7d followed by 02, not a flag."""
    assert unescape(b"\x7d\x01\x02") == b"\x7d\x02"
    assert unescape(b"\x7d\x02\x7d\x01") == b"\x7e\x7d"


@pytest.mark.parametrize("wrong", [b"\x7d\x03", b"abc\x7d"])
def test_an_escape_without_meaning_is_refused(wrong: bytes) -> None:
    """Only 7d 01 and 7d 02 mean something."""
    with pytest.raises(ValueError, match="expected 7d 01 or 7d 02"):
        unescape(wrong)


def test_a_wrong_check_is_named() -> None:
    """A flipped bit is found and said."""
    broken = bytearray(LOCATION_2013)
    broken[20] ^= 0x40
    [found] = Framer().feed(bytes(broken))
    assert isinstance(found, BadFrame)
    assert "check is" in found.reason


def test_a_length_that_lies_is_named() -> None:
    """The body must be as long as the attributes say, whatever the check says."""
    content = bytes.fromhex("020000ff01234567891200b9") + b"short"
    check = 0
    for byte in content:
        check ^= byte
    [found] = Framer().feed(b"\x7e" + content + bytes([check]) + b"\x7e")
    assert isinstance(found, BadFrame)
    assert "body length is 255, but 5 bytes follow" in found.reason


def test_a_phone_that_is_no_number_is_refused() -> None:
    """BCD has digits only."""
    raw = encode(message_id=2, phone=bytes.fromhex("01234567891a"), serial=1, body=b"")
    [found] = Framer().feed(raw)
    assert isinstance(found, BadFrame)
    assert "expected BCD digits" in found.reason


def test_frames_are_found_again_after_rubbish() -> None:
    """Rubbish costs itself, not the frames beside it."""
    found = Framer().feed(b"rubbish" + LOCATION_2013 + b"\x01\x02" + ACKNOWLEDGEMENT_2019)
    assert [type(one) for one in found] == [BadFrame, Frame, BadFrame, Frame]


def test_two_frames_may_share_a_flag() -> None:
    """Some terminals send one flag between two frames."""
    assert len(Framer().feed(LOCATION_2013[:-1] + ACKNOWLEDGEMENT_2019)) == 2


def test_an_endless_frame_is_dropped_once_and_memory_stays_bounded() -> None:
    """What never ends is reported once and not held; the next flag begins anew."""
    framer = Framer()
    found = [bad for _ in range(100) for bad in framer.feed(b"\x01" * 1000)]
    assert [type(one) for one in found] == [BadFrame]
    assert len(framer._held) <= MAX_RAW_BYTES
    assert [type(one) for one in framer.feed(LOCATION_2013)] == [Frame]
