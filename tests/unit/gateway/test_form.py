"""Forms with a file, as browsers send them, in pieces of any size."""

import pytest

from services.gateway.citizen import form

TYPE = "multipart/form-data; boundary=----WebKit7MA4YWxk"
PHOTO = b"\xff\xd8\r\n------WebKit7MA4YWx\r\n--\0\xff\xd9"
"""It contains all but a boundary."""


def body(photo: bytes = PHOTO, note: str = "line one\r\nline two") -> bytes:
    between = b"------WebKit7MA4YWxk"
    return (
        between + b'\r\nContent-Disposition: form-data; name="kind"\r\n\r\nspill\r\n'
        + between + b'\r\nContent-Disposition: form-data; name="photo"; filename="a;name=%22kind%22.jpg"\r\n'
        + b"Content-Type: image/jpeg\r\n\r\n" + photo + b"\r\n"
        + between + b'\r\nContent-Disposition: form-data; name="note"\r\n\r\n' + note.encode() + b"\r\n"
        + between + b"--\r\n"
    )  # fmt: skip


def read(content: bytes, size: int, most: int = 1000) -> form.Form:
    reader = form.Reader(form.boundary_of(TYPE), most)
    for at in range(0, len(content), size):
        reader.feed(content[at : at + size])
    return reader.end()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_a_form_is_the_same_in_pieces_of_any_size(size: int) -> None:
    """Fields and file come out byte for byte, however the network cut them; lines end as everywhere else."""
    assert read(body(), size) == form.Form({"kind": "spill", "note": "line one\nline two"}, PHOTO, False)


def test_a_file_that_is_too_large_leaves_the_fields() -> None:
    """Not one byte of it is kept, and the fields before and after it are all there."""
    assert read(body(b"x" * 5000), 100, most=4999) == form.Form(
        {"kind": "spill", "note": "line one\nline two"}, b"", True
    )
    assert read(body(b"x" * 5000), 100, most=5000).file == b"x" * 5000


def test_no_file_chosen_is_no_file() -> None:
    """Browsers send an empty file where none was chosen."""
    assert read(body(b""), 10).file is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        body()[:-20],
        body().replace(b'name="note"', b"nothing"),
        body(note="x" * (form.MAX_TEXT_BYTES + 1)),
        body().replace(b"\r\n\r\nspill", b"x" * 9000),
        body()[:-4] + b"??",
        b'------WebKit7MA4YWxk\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 50
        + b"------WebKit7MA4YWxk--",
    ],
)
def test_what_is_no_form_is_said_to_be_none(content: bytes) -> None:
    """Nothing, half of one, a part without a name, a book instead of a note, fifty parts: refused, never a fault of ours."""
    with pytest.raises(form.NotAFormError):
        read(content, 100)


@pytest.mark.parametrize("kind", ["", "application/json", "multipart/form-data", "multipart/form-data; boundary="])
def test_another_content_type_is_no_form(kind: str) -> None:
    """Without a boundary nothing can be told apart."""
    with pytest.raises(form.NotAFormError):
        form.boundary_of(kind)
