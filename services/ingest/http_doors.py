"""The HTTP doors: OsmAnd phones, ChirpStack, weighbridges. Answers 200 only after the records are kept.

400 says what is wrong with the request, 401 that the secret is, 404 that the device is not known, 413 that the body is
too large, 503 that Kafka (or the register) does not answer: send it again.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_to_bytes

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from services import clock, metrics
from services.ingest import chirpstack, intake, osmand, weighbridge
from services.ingest.deferred import DeferredUplinks
from services.ingest.intake import Arrival, Rejected
from services.ingest.keep import Keeper, NotKept
from services.ingest.register import Register, RegisterAway
from services.ingest.spool import SpoolFull
from services.ingest.uplinks import UplinkKeeper
from services.store.register import Device, secret_fits

logger = logging.getLogger(__name__)

MAX_BODY_BYTES: Final = 900 * 1024
"""Refused before it is parsed. Below 1 MiB, so that the raw bytes fit one record of Kafka."""
BODY_WAIT_S: Final = 10.0
MAX_ID_LENGTH: Final = 200

_ANSWERS: Final[dict[type[Exception], tuple[int, str]]] = {
    Rejected: (400, "rejected"),
    RegisterAway: (503, "register_away"),
    NotKept: (503, "not_kept"),
    SpoolFull: (503, "spool_full"),
}
"""Status and outcome of what stops a request."""
_FORM: Final = "application/x-www-form-urlencoded"


class _Refused(Exception):  # noqa: N818  # an answer, not a failure of ours
    """An answer other than 200."""

    def __init__(self, status: int, sentence: str, outcome: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.outcome = outcome


@dataclass(frozen=True)
class Doors:
    """What the doors need."""

    register: Register
    keeper: Keeper
    uplinks: UplinkKeeper
    deferred: DeferredUplinks


@dataclass(frozen=True)
class _Call:
    """A request, read whole."""

    request: Request
    body: bytes
    received_time_ms: int

    @property
    def bearer(self) -> str:
        kind, _, secret = self.request.headers.get("authorization", "").partition(" ")
        return secret.strip() if kind.lower() == "bearer" else ""


def build(doors: Doors) -> FastAPI:
    """Return the application: four paths, no pages, no schema for strangers."""
    app = FastAPI(title="Qingyun ingest", openapi_url=None, docs_url=None, redoc_url=None)

    async def health() -> JSONResponse:
        waiting = doors.uplinks.waiting + doors.deferred.waiting
        state = "degraded" if doors.keeper.away or waiting else "ok"
        return JSONResponse({"status": state, "kafka": not doors.keeper.away, "spooled": waiting})

    async def osmand_door(request: Request) -> JSONResponse:
        return await _answer(osmand.PROTOCOL, request, lambda call: _osmand(doors, call))

    async def chirpstack_door(request: Request, source: str) -> JSONResponse:
        return await _answer(chirpstack.PROTOCOL, request, lambda call: _chirpstack(doors, call, source))

    async def weighbridge_door(request: Request, facility_id: str) -> JSONResponse:
        return await _answer(weighbridge.PROTOCOL, request, lambda call: _weighbridge(doors, call, facility_id))

    app.add_api_route("/health", health, methods=["GET"])
    app.add_api_route("/osmand", osmand_door, methods=["GET", "POST"])
    app.add_api_route("/osmand/", osmand_door, methods=["GET", "POST"])
    app.add_api_route("/chirpstack/{source}", chirpstack_door, methods=["POST"])
    app.add_api_route("/weighbridge/{facility_id}/tickets", weighbridge_door, methods=["POST"])
    return app


# --------------------------------------------------------------------------------------------- one door each


async def _osmand(doors: Doors, call: _Call) -> int:
    params = dict(call.request.query_params) | _form(call)
    device = await _device(doors, osmand.PROTOCOL, osmand.device_id(params, call.body) or "")
    _authorise(device, call.bearer or params.get("secret", ""))
    state = osmand.decode(params, call.body, device, call.received_time_ms)
    await doors.keeper.keep(intake.kept(_arrival(call, osmand.PROTOCOL, device), [state]))
    return 1


async def _chirpstack(doors: Doors, call: _Call, source_name: str) -> int:
    """An authorised event is never lost: one that cannot be read is set aside, for ChirpStack does not send again."""
    source = await _device(doors, chirpstack.PROTOCOL, source_name)
    if source.entity_kind != "source":
        raise _Refused(404, f"{source_name!r} is a sensor, expected a ChirpStack source", "unknown")
    _authorise(source, call.bearer)
    try:
        return await _uplink(doors, call, source)
    except (Rejected, _Refused) as reason:
        await doors.uplinks.keep([intake.dead_letter(_arrival(call, chirpstack.PROTOCOL, source), str(reason))])
        raise


async def _uplink(doors: Doors, call: _Call, source: Device) -> int:
    if call.request.query_params.get("event") != "up":
        await doors.uplinks.keep(intake.kept(_arrival(call, chirpstack.PROTOCOL, source), []))
        return 0
    uplink = chirpstack.envelope(call.body)
    try:
        device = await _device(doors, chirpstack.PROTOCOL, uplink.dev_eui)
    except RegisterAway:
        await doors.deferred.keep(_arrival(call, chirpstack.PROTOCOL, source), uplink)
        return 1
    if not chirpstack.is_sensor(device, source.tenant_id):
        raise _unknown(chirpstack.PROTOCOL, uplink.dev_eui)
    reading = chirpstack.decode(uplink, device, call.received_time_ms)
    await doors.uplinks.keep(intake.kept(_arrival(call, chirpstack.PROTOCOL, device), [reading]))
    return 1


async def _weighbridge(doors: Doors, call: _Call, facility_id: str) -> int:
    device = await _device(doors, weighbridge.PROTOCOL, facility_id)
    _authorise(device, call.bearer)
    weighing = weighbridge.decode(call.body, device, call.received_time_ms)
    await doors.keeper.keep(intake.kept(_arrival(call, weighbridge.PROTOCOL, device), [weighing]))
    return 1


# --------------------------------------------------------------------------------------------- what all share


async def _answer(protocol: str, request: Request, work: Callable[[_Call], Awaitable[int]]) -> JSONResponse:
    began_s = time.monotonic()
    try:
        records = await work(_Call(request, await _body(request), clock.city_now_ms()))
    except _Refused as refused:
        return _refusal(protocol, refused.status, str(refused), refused.outcome)
    except tuple(_ANSWERS) as known:
        status, outcome = _ANSWERS[type(known)]
        return _refusal(protocol, status, str(known), outcome)
    except Exception:
        # a mistake of ours: the sender is not told "kept", the other doors stay open
        logger.exception("request failed", extra={"protocol": protocol})
        return _refusal(protocol, 500, "the request met a mistake of ours; it is not kept", "crashed")
    metrics.FRAMES.labels(protocol, "kept").inc()
    metrics.ACK_SECONDS.labels(protocol).observe(time.monotonic() - began_s)
    return JSONResponse({"kept": records})


def _refusal(protocol: str, status: int, sentence: str, outcome: str) -> JSONResponse:
    metrics.FRAMES.labels(protocol, outcome).inc()
    logger.warning(sentence, extra={"protocol": protocol, "status": status, "outcome": outcome})
    headers = {"Retry-After": "10"} if status == 503 else None
    return JSONResponse({"error": sentence}, status, headers)


async def _body(request: Request) -> bytes:
    """Read the body, no more of it than allowed and no longer than allowed."""
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared[:20]) > MAX_BODY_BYTES:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WAIT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise _too_large()
    except TimeoutError:
        raise _Refused(408, f"the body did not come within {BODY_WAIT_S:.0f} s", "slow") from None
    return bytes(body)


def _too_large() -> _Refused:
    return _Refused(413, f"the body may have at most {MAX_BODY_BYTES} bytes", "too_large")


def _content_type(call: _Call) -> str:
    return call.request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _struck_out(form: bytes) -> bytes:
    """Return a query or form without the value of its secret, however the name is written."""
    parts = form.split(b"&")
    return b"&".join(b"secret=***" if _names_a_secret(part) else part for part in parts)


def _names_a_secret(part: bytes) -> bool:
    return unquote_to_bytes(part.partition(b"=")[0].replace(b"+", b" ")).strip().lower() == b"secret"


def _form(call: _Call) -> dict[str, str]:
    if _content_type(call) != _FORM:
        return {}
    try:
        return dict(parse_qsl(call.body.decode(), keep_blank_values=True, max_num_fields=200))
    except ValueError as error:
        raise Rejected(f"form cannot be read: {error}") from error


async def _device(doors: Doors, protocol: Any, device_id: str) -> Device:
    found = None
    if 0 < len(device_id) <= MAX_ID_LENGTH and "\x00" not in device_id:
        found = await doors.register.device(protocol, device_id)
    if found is None:
        raise _unknown(protocol, device_id)
    return found


def _unknown(protocol: str, device_id: str) -> _Refused:
    return _Refused(404, intake.not_in_register(protocol, device_id[:MAX_ID_LENGTH]), "unknown")


def _authorise(device: Device, secret: str) -> None:
    if not secret_fits(secret, device.secret_hash):
        raise _Refused(401, f"the secret is not the one of {device.protocol} device {device.device_id!r}", "refused")


def _arrival(call: _Call, protocol: str, device: Device) -> Arrival:
    client = call.request.client
    return Arrival(
        protocol=protocol,
        source_id=device.device_id,
        tenant_id=device.tenant_id,
        session="" if client is None else f"{client.host}:{client.port}",
        raw=_as_it_came(call),
        received_time_ms=call.received_time_ms,
    )


def _as_it_came(call: _Call) -> bytes:
    """Return request line, content type and body; the value of a secret is struck out."""
    scope: Mapping[str, Any] = call.request.scope
    query: bytes = scope["query_string"]
    target: bytes = scope["raw_path"] + (b"?" + _struck_out(query) if query else b"")
    kind = call.request.headers.get("content-type", "").encode("latin-1")
    head = call.request.method.encode() + b" " + target + b" HTTP/1.1\r\n"
    body = _struck_out(call.body) if _content_type(call) == _FORM else call.body
    return head + (b"Content-Type: " + kind + b"\r\n" if kind else b"") + b"\r\n" + body
