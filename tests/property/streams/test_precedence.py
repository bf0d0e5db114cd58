"""Whatever entries a settings file has: what is in force is what the order of precedence says, read one by one."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.rules import scoped

who = st.fixed_dictionaries(
    {},
    optional={
        "tenant_id": st.sampled_from(["a", "b"]),
        "truck_class": st.sampled_from(["van", "tipper"]),
        "contractor_id": st.sampled_from(["c1", "c2"]),
        "zone_id": st.sampled_from(["z1", "z2", "z3"]),
    },
).filter(bool)
values = st.fixed_dictionaries(
    {}, optional={"dump_raised_s": st.integers(1, 99), "off_route_fixes": st.integers(1, 9)}
).filter(bool)
entries = st.lists(st.builds(lambda who, said: who | said, who, values), max_size=6)
subjects = st.fixed_dictionaries(
    {
        "tenant_id": st.sampled_from(["a", "b", "default"]),
        "truck_class": st.sampled_from(["van", "tipper", "hook", None]),
        "contractor_id": st.sampled_from(["c1", "c2", None]),
        "zone_ids": st.lists(st.sampled_from(["z1", "z2", "z3"]), unique=True).map(lambda ids: tuple(sorted(ids))),
    }
)


def _holds(entry: dict[str, Any], subject: dict[str, Any]) -> bool:
    named = [name for name in ("tenant_id", "truck_class", "contractor_id") if name in entry]
    here = "zone_id" not in entry or entry["zone_id"] in subject["zone_ids"]
    return here and all(subject[name] == entry[name] for name in named)


@given(entries, subjects, st.integers(100, 200))
def test_the_order_of_precedence_holds_whatever_is_said(
    given_entries: list[dict[str, Any]], subject: dict[str, Any], everywhere_s: int
) -> None:
    """Zone, contractor, class, tenant, city; of equals the later. Asked twice, the same."""
    document = json.dumps({"dump_raised_s": everywhere_s, "for": given_entries}).encode()
    expected = {"dump_raised_s": everywhere_s, "off_route_fixes": 3}
    for name, everywhere in list(expected.items()):
        said = [
            (*(key in entry for key in ("zone_id", "contractor_id", "truck_class", "tenant_id")), at, entry[name])
            for at, entry in enumerate(given_entries)
            if name in entry and _holds(entry, subject)
        ]
        expected[name] = max(said)[-1] if said else everywhere
    city = scoped.read(document)
    for _ in range(2):
        found = city.at(**subject)
        assert {name: getattr(found.limits, name) for name in expected} == expected
    assert all(getattr(found.limits, name) == one.values[name] for name, one in found.differing.items())
