"""Thresholds that make no sense are refused by name, before anything is judged by them."""

import re

import pytest

from streams import threshold_table
from streams.rules import scoped, thresholds
from streams.rules.thresholds import NAMES, Thresholds


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ('{"dark_s": -1}', "threshold dark_s is -1, expected a number above 0 and at most 1e+09 (s)"),
        ('{"dark_s": 0}', "threshold dark_s is 0"),
        ('{"dark_unheard_s": 1e306}', "threshold dark_unheard_s is 1e+306, expected a number above 0 and at most"),
        ('{"overflow_left_fill": 0.99}', "threshold overflow_left_fill is 0.99, expected at most overflow_fill, 0.95"),
        ('{"overflow_fill": 1.5}', "threshold overflow_fill is 1.5, expected a number above 0 and at most 1"),
        ('{"spill_share": 3.5}', "threshold spill_share is 3.5, expected a number above 0 and at most 1 (share of 1)"),
        ('{"fire_over_c": 90}', "threshold fire_over_c is 90"),
        ('{"balance_receipt_h": 97}', "threshold balance_receipt_h is 97, expected a number above 0 and at most 96"),
        ('{"landfill_m": 3000}', "threshold landfill_m is 3000"),
        ('{"off_route_place_m": 500}', "threshold off_route_place_m is 500"),
        ('{"dark": 300}', "unknown threshold dark, expected a name such as dark_s"),
        ('{"dark_min": 5}', "unknown threshold dark_min, expected a name such as dark_s"),
        ('{"qqq": 5}', "unknown threshold qqq, expected a name that `python -m streams thresholds` prints"),
        ('{"dark_s": "5 min"}', 'threshold dark_s is "5 min", expected a number'),
        ('{"dark_s": true}', "threshold dark_s is true, expected a number"),
        ('{"dark_s": null}', "threshold dark_s is null, expected a number"),
        ('{"forbidden_fixes": 2.5}', "threshold forbidden_fixes is 2.5, expected a whole number"),
        ('{"no_permit_needed": "kitchen"}', 'threshold no_permit_needed is "kitchen", expected a list of materials'),
        ("[]", "thresholds are [], expected an object"),
        ("{", "thresholds: "),
    ],
)
def test_what_is_refused(document: str, said: str) -> None:
    """Zero, negative, without end, a percentage, at odds with another, beyond where places are looked for, unknown, of another unit."""
    with pytest.raises(ValueError, match=re.escape(said)):
        scoped.read(document.encode())


def test_what_is_not_named_keeps_its_default() -> None:
    """A city changes one."""
    changed = scoped.read(b'{"dark_s": 600}').everywhere.limits
    assert (changed.dark_s, changed.spill_kg) == (600, thresholds.DEFAULT.spill_kg)
    assert scoped.read(b"{}") == scoped.CITY


def test_every_threshold_says_its_unit_and_where_it_is_from() -> None:
    """Its name ends with the unit; a sentence stands under it."""
    sources = threshold_table.sources_of(Thresholds)
    assert tuple(sources) == NAMES
    assert all(thresholds.unit(name) for name in NAMES)
    assert all(len(sentence) > 10 for sentence in sources.values())
