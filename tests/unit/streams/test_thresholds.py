"""Thresholds that make no sense are refused by name, before anything is judged by them."""

import pytest

from streams.rules import thresholds


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b'{"dark_s": -1}', "threshold dark_s is -1"),
        (b'{"dark_s": 0}', "threshold dark_s is 0"),
        (b'{"dark_unheard_s": 1e306}', "threshold dark_unheard_s is 1e[+]306, expected at most"),
        (b'{"overflow_left_fill": 0.99}', "threshold overflow_left_fill is 0.99, expected at most overflow_fill"),
        (b'{"overflow_fill": 1.5}', "threshold overflow_fill is 1.5, expected at most 1"),
        (b'{"fire_over_c": 90}', "threshold fire_over_c is 90"),
        (b'{"landfill_m": 3000}', "threshold landfill_m is 3000"),
        (b'{"off_route_place_m": 500}', "threshold off_route_place_m is 500"),
        (b'{"dark": 300}', "unknown field"),
        (b'{"dark_s": "5 min"}', "Expected `float`, got `str`"),
    ],
)
def test_what_is_refused(document: bytes, said: str) -> None:
    """Zero, negative, without end, at odds with another, beyond where places are looked for, unknown, without unit."""
    with pytest.raises(ValueError, match=said):
        thresholds.read(document)


def test_what_is_not_named_keeps_its_default() -> None:
    """A city changes one."""
    assert thresholds.read(b'{"dark_s": 600}').dark_s == 600
    assert thresholds.read(b"{}") == thresholds.DEFAULT
