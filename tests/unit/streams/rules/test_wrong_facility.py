"""wrong-facility: a load taken where it may not be taken."""

import pytest
from msgspec.structs import replace

from streams import events
from tests.unit.streams import town
from tests.unit.streams.judging import fold, states
from tests.unit.streams.rules.receipts import delivered

RULE = "wrong-facility"


def told(*more: events.Event, **changed: object) -> list[events.Alert]:
    """Revisions of the rule's alerts for a load that is weighed at the yard."""
    outputs = fold(delivered(14_000, **changed), town.reference(*more))
    return [out for out in outputs if isinstance(out, events.Alert) and out.rule == RULE]


def yard(**changed: object) -> events.Asset:
    """The town's yard, changed."""
    (given,) = (one for one in town.records() if isinstance(one, events.Asset) and one.id == "f1")
    return replace(given, version=2, **changed)  # type: ignore[arg-type]


def permit(**changed: object) -> events.Permit:
    """The town's permit, changed."""
    (given,) = (one for one in town.records() if isinstance(one, events.Permit))
    return replace(given, version=2, **changed)  # type: ignore[arg-type]


def test_a_facility_that_accepts_the_material_and_is_in_the_permit_is_right() -> None:
    """No alert."""
    assert told() == []


def test_a_material_that_the_facility_does_not_accept() -> None:
    """The receipt says what was taken; the alert names the version of the facility."""
    (found, _) = told(yard(accepts=("residual",)))
    assert (found.state, found.certainty, found.facility_id) == ("raised", "observed", "f1")
    assert found.used["facility"] == "f1@2"
    assert [condition.measured for condition in found.because] == ["construction", "Yard", "residual"]


def test_a_receipt_without_material_is_of_what_was_loaded() -> None:
    """Likely only."""
    (found, _) = told(yard(accepts=("residual",)), material=None)
    assert (found.certainty, found.gaps) == ("likely", ("the receipt names no material",))


def test_a_facility_that_no_permit_of_the_load_names() -> None:
    """Permits that name none allow all."""
    (found, _) = told(permit(facility_ids=("f2",)))
    assert found.because[1].measured == "f2"
    assert told(permit(facility_ids=())) == []
    assert told(permit(facility_ids=("f2",)), replace(permit(), permit_id="p2")) == []


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"accepted": False, "reject_reason": "wrong material"}, id="not taken"),
        pytest.param({"inbound": False}, id="going out"),
        pytest.param({"facility_id": "unknown"}, id="a facility that is not known, and a permit that names none"),
    ],
)
def test_what_is_no_wrong_facility(changed: dict[str, object]) -> None:
    """A load that was turned away is not there; of what is not known nothing is said."""
    assert told(yard(accepts=("residual",)), permit(facility_ids=()), **changed) == []


def test_the_version_of_the_moment_counts() -> None:
    """A facility that accepts it no more from tomorrow on."""
    assert told(yard(accepts=("residual",), valid_from_ms=town.START_MS + 86_400_000)) == []


def test_it_is_told_once() -> None:
    """Once a receipt, and over."""
    assert states(told(yard(accepts=("residual",)))) == ["raised", "ended"]
