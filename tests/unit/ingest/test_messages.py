"""Bodies of JT/T 808 messages, against bytes others published (sources: see test_frame)."""

import datetime as dt

import pytest

from services.ingest.intake import Rejected
from services.ingest.jt808 import messages
from services.ingest.jt808.frame import Frame, Framer
from services.ingest.jt808.messages import Result

GMT8 = dt.timezone(dt.timedelta(hours=8))


def body(published: str) -> bytes:
    """Return the body of the one frame."""
    [frame] = Framer().feed(bytes.fromhex(published))
    assert isinstance(frame, Frame)
    return frame.body


def utc_ms(*local: int) -> int:
    """UTC ms of a local time in GMT+8."""
    return round(dt.datetime(*local, tzinfo=GMT8).timestamp() * 1000)  # type: ignore[arg-type, misc]


def test_a_2013_location_with_items() -> None:
    """Fixed part and additional items of a 2013 report."""
    found = messages.location(
        body(
            "7E0200002601234567891200B900000000000000030261136106F0124D0058029400002304261530320104000004CE02020000AA7E"
        )
    )
    assert (found.lat_e6, found.lon_e6) == (0x02611361, 0x06F0124D)
    assert (found.alarm, found.status, found.altitude_m, found.speed_dkmh, found.heading_deg) == (0, 3, 88, 660, 0)
    assert found.time_ms == utc_ms(2023, 4, 26, 15, 30, 32)
    assert found.items == {0x01: bytes.fromhex("000004ce"), 0x02: b"\x00\x00"}


def test_a_2019_location_with_items() -> None:
    """The fixed part is the same under a 2019 header; the publisher's own reading is what we compare with."""
    found = messages.location(
        body(
            "7e02004026010000000001391234432900000000006f0000001601dc9a0707456246007b004200032501292233440202006401040000000c417e"
        )
    )
    assert (found.alarm, found.status, found.lat_e6, found.lon_e6) == (111, 22, 31234567, 121987654)
    assert (found.altitude_m, found.speed_dkmh, found.heading_deg) == (123, 66, 3)
    assert found.time_ms == utc_ms(2025, 1, 29, 22, 33, 44)
    assert int.from_bytes(found.items[0x01]) == 12
    assert int.from_bytes(found.items[0x02]) == 100


def test_a_batch() -> None:
    """0x0704: two reports, type 0 = not resent."""
    found = messages.locations(
        body(
            "7e0704403f01000000000139123443290000000200001c000000010000000101d907f2073d336c029a00210059241029213903"
            "001c000000010000000101d907f3073d336d03090043005a241029213903f87e"
        )
    )
    first, second = (messages.location(one) for one in found.locations)
    assert not found.resent
    assert (first.lat_e6, first.lon_e6, first.speed_dkmh, first.heading_deg) == (31000562, 121451372, 33, 89)
    assert (second.lat_e6, second.lon_e6, second.altitude_m) == (31000563, 121451373, 777)
    assert first.time_ms == utc_ms(2024, 10, 29, 21, 39, 3)


def test_a_2013_registration() -> None:
    """Maker, model, terminal id and plate (GBK), padding removed."""
    found = messages.registration(
        body(
            "7E0100002D01234567891200B800010002313233000034353600000000000000000000000000000000003132333435000002"
            "B2E2413132333435187E"
        ),
        v2019=False,
    )
    assert found == messages.Registration("12345", "测A12345", "123", "456")


def test_a_2013_authentication() -> None:
    """The body is the code and nothing else."""
    found = messages.authentication(body("7E0102000A20230428120902CD30313233343536373839F37E"), v2019=False)
    assert found == messages.Authentication("0123456789", None)


def test_a_2019_authentication() -> None:
    """Length, code, IMEI, software version."""
    given = bytes([4]) + b"code" + b"860000000000001" + b"V1.0".ljust(20, b"\x00")
    assert messages.authentication(given, v2019=True) == messages.Authentication("code", "860000000000001")


def test_an_acknowledgement_as_published() -> None:
    """0x8001: serial and id of what is answered, and the result."""
    assert messages.acknowledgement(0x006F, 0x0200, Result.DONE) == body(
        "7e8001400501000000000139123443290000006f020000dc7e"
    )


def test_a_registration_answer_as_published() -> None:
    """0x8100: serial, success, code."""
    assert messages.registered(0x006F, "ok..ok..ok") == body(
        "7e8100400d01000000000139123443290000006f006f6b2e2e6f6b2e2e6f6bd27e"
    )


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        ("2a1124103456", "expected BCD digits"),
        ("261324103456", "month"),
        ("000000000000", "month"),
        ("261124250000", "hour"),
    ],
)
def test_a_time_that_is_none_is_refused(digits: str, expected: str) -> None:
    """Letters, months and hours that do not exist are named, not guessed."""
    with pytest.raises(Rejected, match=expected):
        messages.bcd_time_ms(bytes.fromhex(digits))


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (messages.location, b"\x00" * 27),
        (messages.location, bytes(22) + bytes.fromhex("261124103456") + b"\x01\x04\x00"),
        (messages.location, bytes(22) + bytes.fromhex("261124103456") + b"\x01"),
        (messages.locations, b"\x00"),
        (messages.locations, b"\x00\x01\x02"),
        (messages.locations, b"\x00\x02\x00\x00\x01\xff"),
        (messages.locations, b"\x00\x01\x00\x00\x05\xff"),
    ],
)
def test_a_body_that_ends_too_early_is_refused(read: object, data: bytes) -> None:
    """A truncated body is a rejection with a sentence, never an IndexError."""
    with pytest.raises(Rejected):
        read(data)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("given", "v2019"), [(b"\x00" * 36, False), (b"\x00" * 75, True), (b"\x00" * 36 + b"\x01\xff\xff\xff", False)]
)
def test_a_registration_that_cannot_be_read_is_refused(given: bytes, v2019: bool) -> None:
    """Too short, or a plate that is no GBK."""
    with pytest.raises(Rejected):
        messages.registration(given, v2019=v2019)


@pytest.mark.parametrize("given", [b"", b"\x05code", b"\x04code" + b"1" * 14])
def test_a_2019_authentication_that_lies_about_its_length_is_refused(given: bytes) -> None:
    """The length byte must leave room for the IMEI."""
    with pytest.raises(Rejected):
        messages.authentication(given, v2019=True)
