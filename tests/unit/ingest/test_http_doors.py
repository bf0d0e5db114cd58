"""What of a request is kept as it came."""

import pytest

from services.ingest.http_doors import _struck_out


@pytest.mark.parametrize(
    "form", [b"id=1&secret=s3&lat=2", b"%73ecret=s3&id=1", b"SECRET=s3", b"id=1&secret=s3", b"id=1&+secret=s3"]
)
def test_a_secret_is_never_kept(form: bytes) -> None:
    """However its name is written, the value of a secret is struck out; the rest stays."""
    kept = _struck_out(form)
    assert b"s3" not in kept
    assert (b"id=1" in form) == (b"id=1" in kept)


def test_the_rest_is_kept_as_it_came() -> None:
    """A form without a secret is kept to the byte."""
    assert _struck_out(b"id=secret&lat=41.1&x=%20&&=") == b"id=secret&lat=41.1&x=%20&&="
