"""What an alert was judged from: its versions, the newest one whole, and whether all is as it was sealed."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Response

from services import seal
from services.gateway.access import GuardedRoute, Me, action
from services.gateway.answers import Json
from services.gateway.fields import Text
from services.gateway.problems import not_found
from services.gateway.state import Parts
from services.store import evidence, queries
from services.store.evidence import Version

router = APIRouter(prefix="/api/v1", tags=["evidence"], route_class=GuardedRoute)

Id = Annotated[Text, Path()]


@router.get("/alerts/{alert_id}/evidence")
@action("evidence.read")
def evidence_of(alert_id: Id, me: Me, parts: Parts) -> Json:
    """Return the newest evidence of an alert, and all its versions with what does not hold of each; none = not made yet.

    ``faults`` are of the entries by themselves and of the bytes they name; the whole chain is `evidence-check`'s.
    """
    found = _versions(parts, me, alert_id)
    hashes = {one for version in found for one in seal.frame_hashes(version.entry.document)}
    gone = list(evidence.frame_faults(parts.engine, me.user.tenant_id, hashes))
    return Json(
        {
            "versions": [_shown(version) for version in found],
            "faults": [*(fault for version in found for fault in seal.faults(version.entry)), *gone],
            "document": _readable(found[-1].entry.document) if found else None,
        }
    )


@router.get("/alerts/{alert_id}/evidence/{version}")
@action("evidence.read")
def document_of(alert_id: Id, version: Annotated[int, Path(ge=1, lt=2**31)], me: Me, parts: Parts) -> Response:
    """Return the very bytes of a version: their SHA-256 is the one it is listed with."""
    for one in _versions(parts, me, alert_id):
        if one.version == version:
            name = f"evidence-{one.entry.number}.json"
            headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
            return Response(one.entry.document, media_type="application/json", headers=headers)
    raise not_found()


def _versions(parts: Parts, me: Me, alert_id: str) -> list[Version]:
    if queries.alert(parts.engine, me.user.tenant_id, alert_id, me.scope.district_id) is None:
        raise not_found()
    return evidence.versions(parts.engine, me.user.tenant_id, alert_id)


def _readable(document: bytes) -> Any:
    """Return what a document says; None if its bytes, which are at fault then, are no JSON."""
    try:
        return msgspec.json.decode(document)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _shown(version: Version) -> dict[str, Any]:
    said = {name: value for name, value in version._asdict().items() if name != "entry"}
    entry = version.entry
    return {**said, "number": entry.number, "sha256": entry.sha256, "previous_sha256": entry.previous_sha256}
