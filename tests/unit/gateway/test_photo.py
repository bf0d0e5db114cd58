"""Photos from people we do not know."""

import pytest

from services.gateway.photo import BadPhotoError, Photo, look, without_metadata
from tests.pictures import SECRET, jpeg, png, webp

PICTURES = {"image/jpeg": jpeg(), "image/png": png(), "image/webp": webp()}


@pytest.mark.parametrize(
    ("kind", "size"), [("image/jpeg", (640, 480)), ("image/png", (3, 2)), ("image/webp", (640, 480))]
)
def test_what_is_served_says_nothing_but_the_picture(kind: str, size: tuple[int, int]) -> None:
    """Place, owner, comments and what stands behind the end are gone; it is still the same picture, of the same size."""
    given = PICTURES[kind]
    assert look(given) == Photo(kind, *size)
    assert SECRET in given
    served = without_metadata(given)
    assert SECRET not in served
    assert look(served) == Photo(kind, *size)
    assert without_metadata(served) == served


def test_a_phone_held_upright_stays_upright() -> None:
    """Of EXIF only the orientation is served, which browsers turn the picture by."""
    assert b"\x01\x12\0\x03\0\0\0\x01\0\x06" in without_metadata(jpeg(up=6))
    assert b"Exif" not in without_metadata(jpeg(up=77))


@pytest.mark.parametrize("kind", PICTURES)
def test_a_photo_that_breaks_off_is_broken_wherever_it_does(kind: str) -> None:
    """Cut anywhere before its end, it is refused as broken (or as no photo, within its first bytes); nothing else happens."""
    given = PICTURES[kind]
    whole = len(given) - (len(SECRET) if kind == "image/jpeg" else 0)
    for length in range(whole):
        with pytest.raises(BadPhotoError) as refused:
            look(given[:length])
        assert refused.value.fault == (
            "photo_kind" if length < 12 and refused.value.fault == "photo_kind" else "photo_broken"
        )


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (b"", "photo_kind"),
        (b"%PDF-1.7", "photo_kind"),
        (b"<svg onload=alert(1)>", "photo_kind"),
        (b"GIF89a" + bytes(100), "photo_kind"),
        (png()[:40] + b"x" + png()[41:], "photo_broken"),
        (jpeg(0, 0), "photo_broken"),
        (jpeg(60_000, 60_000), "photo_pixels"),
        (jpeg(16_000, 16_000), "photo_pixels"),
    ],
)
def test_what_is_no_photo_of_ours_is_refused_by_name(given: bytes, fault: str) -> None:
    """Other files, a flipped byte, no size, more pixels than a browser should be given: each has its own word."""
    with pytest.raises(BadPhotoError) as refused:
        look(given)
    assert refused.value.fault == fault


def test_a_file_of_a_million_pieces_is_refused_before_it_is_walked() -> None:
    """Made to keep a gateway busy: segments of nothing, and as much fill."""
    pieces = b"\xff\xd8" + b"\xff\xe0\x00\x02" * 1_000_000
    for data in (pieces, b"\xff\xd8" + b"\xff" * 4_000_000 + b"\xe0\x00\x02"):
        with pytest.raises(BadPhotoError):
            look(data)
