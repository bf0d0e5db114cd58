"""One terminal's connection as a pure state machine: a message in, the next state and what is to be done out.

Rules of trust
--------------
- A terminal registers (0x0100) only if its phone number is in the register, has no code yet or was reopened, and
  terminal id and plate match; anything else is met with silence. Each answer makes a new code.
- The new code is bound to the phone number when the terminal first authenticates with it: an answer that got lost
  leaves no terminal locked out.
- Nothing is ingested before authentication, nor under another phone number than the authenticated one.
- A second session of a phone never wins silently: while the first one was heard within `RIVAL_S` the second is
  refused; later the second takes over and the first is closed. Both are counted and logged.
"""

from dataclasses import dataclass, replace
from typing import Final

from services.ingest import intake
from services.ingest.intake import Arrival, Outgoing, Rejected
from services.ingest.jt808 import messages, profiles, report
from services.ingest.jt808.frame import BadFrame, Frame, encode
from services.ingest.jt808.messages import Down, Result, Up
from services.ingest.jt808.parts import Message
from services.store.register import Terminal, secret_fits, secret_hash
from streams import events

PROTOCOL: Final = "jt808"
MAX_STRIKES: Final = 20
"""So many useless frames in a row end the connection."""
MAX_WRONG_CODES: Final = 3
_WITH_SECRETS: Final = (Up.REGISTER, Up.AUTHENTICATE)
RIVAL_S: Final = 30.0
"""A session heard within this wall time is alive; terminals report at least so often while they move."""


# ------------------------------------------------------------------------------------------- what is to be done


@dataclass(frozen=True)
class Send:
    """Write bytes to the terminal."""

    data: bytes


@dataclass(frozen=True)
class Keep:
    """Bring records to Kafka; write ``reply`` when all are confirmed, and nothing if they are not."""

    records: tuple[Outgoing, ...]
    reply: bytes = b""


@dataclass(frozen=True)
class Issue:
    """Remember that a new code was given to a phone number, by its hash."""

    phone: str
    code_hash: str


@dataclass(frozen=True)
class Bind:
    """Store the code with which a terminal authenticated for the first time; then call `bound`."""

    terminal: Terminal
    code_hash: str
    frame: Frame


@dataclass(frozen=True)
class Admit:
    """Let the connection speak for the terminal from now on; another one that does is to be closed."""

    terminal: Terminal


@dataclass(frozen=True)
class Note:
    """Count the message under ``outcome``; ``reason`` goes to the log (None = nothing to log)."""

    outcome: str
    reason: str | None = None


@dataclass(frozen=True)
class Close:
    """End the connection."""

    reason: str


Output = Send | Keep | Issue | Bind | Admit | Note | Close


# ------------------------------------------------------------------------------------------- what is known


@dataclass(frozen=True)
class Known:
    """What the caller knows at the moment a message comes.

    ``terminal``: of the message's phone number, None = not in the register. ``pending_hash``: of the code given to it
    and not yet used. ``fresh_code``: random, to be given if a code is due. ``rival_idle_s``: how long ago another
    session of this phone was heard, None = there is none. ``received_time_ms``: city time of arrival.
    """

    received_time_ms: int
    terminal: Terminal | None = None
    pending_hash: str | None = None
    fresh_code: str = ""
    rival_idle_s: float | None = None


@dataclass(frozen=True)
class Session:
    """State of one connection; ``terminal`` is None until it authenticated."""

    session_id: str
    terminal: Terminal | None = None
    phone: str = ""
    next_serial: int = 0
    strikes: int = 0
    wrong_codes: int = 0


Step = tuple[Session, list[Output]]


# ------------------------------------------------------------------------------------------- steps


def heard(session: Session, message: Message | BadFrame, known: Known) -> Step:
    """Take the next message, or bytes that are none."""
    if isinstance(message, BadFrame):
        return _useless(session, message.raw, known, "bad_frame", message.reason)
    try:
        if message.first.message_id in _WITH_SECRETS:
            return _identify(session, message, known)
        return _report(session, message, known)
    except Rejected as rejected:
        return _refused(session, message, known, str(rejected), Result.WRONG)


def _identify(session: Session, message: Message, known: Known) -> Step:
    """Take a message that may carry an authentication code: it is never written anywhere."""
    if session.terminal is not None and message.first.phone_number != session.phone:
        return _strike(session, "other_phone", _other_phone(session, message))
    if message.first.encrypted:
        raise Rejected("the body is encrypted, expected plain JT/T 808")
    if message.first.message_id == Up.REGISTER:
        return _register(session, message, known)
    return _authenticate(session, message, known)


def _report(session: Session, message: Message, known: Known) -> Step:
    if session.terminal is None:
        reason = f"message {message.first.message_id:#06x} before authentication"
        return _useless(session, message.raw, known, "unauthenticated", reason)
    if message.first.phone_number != session.phone:
        return _useless(session, message.raw, known, "other_phone", _other_phone(session, message))
    if message.first.encrypted:
        return _refused(session, message, known, "the body is encrypted, expected plain JT/T 808", Result.UNSUPPORTED)
    return _ingest(session, message, known, session.terminal)


def _other_phone(session: Session, message: Message) -> str:
    return f"phone is {message.first.phone_number}, expected {session.phone} as authenticated"


def bound(session: Session, bind: Bind, known: Known, *, stored: bool) -> Step:
    """Go on after a `Bind`: the code was stored, or the terminal had got another one meanwhile."""
    if not stored:
        return _wrong_code(session, bind.frame, "the terminal was given another code meanwhile")
    return _admit(session, bind.frame, bind.terminal, known)


def _register(session: Session, message: Message, known: Known) -> Step:
    frame, terminal = message.first, known.terminal
    asked = messages.registration(message.body, v2019=frame.protocol_version is not None)
    if terminal is None:
        return _strike(session, "refused", f"registration of phone {frame.phone_number}, which is not in the register")
    if terminal.auth_hash is not None and not terminal.reopened:
        return _strike(session, "refused", f"registration of phone {terminal.phone}, which has its code")
    if (asked.terminal_id, asked.plate) != (terminal.terminal_id, terminal.plate):
        reason = (
            f"registration of phone {terminal.phone} with terminal id {asked.terminal_id!r}, plate {asked.plate!r},"
            f" expected {terminal.terminal_id!r}, {terminal.plate!r}"
        )
        return _strike(session, "refused", reason)
    answer = messages.registered(frame.serial, known.fresh_code)
    session, reply = _reply(session, frame, Down.REGISTERED, answer)
    return session, [Issue(terminal.phone, secret_hash(known.fresh_code)), Send(reply), Note("registered")]


def _authenticate(session: Session, message: Message, known: Known) -> Step:
    frame, terminal = message.first, known.terminal
    code = messages.authentication(message.body, v2019=frame.protocol_version is not None).code
    if terminal is None:
        return _wrong_code(session, frame, f"authentication of phone {frame.phone_number}, not in the register")
    if secret_fits(code, terminal.auth_hash):
        return _admit(session, frame, terminal, known)
    if secret_fits(code, known.pending_hash):
        return session, [Bind(terminal, secret_hash(code), frame)]
    return _wrong_code(session, frame, f"wrong authentication code of phone {terminal.phone}")


def _admit(session: Session, frame: Frame, terminal: Terminal, known: Known) -> Step:
    if known.rival_idle_s is not None and known.rival_idle_s < RIVAL_S:
        reason = f"second session of phone {terminal.phone}; the first was heard {known.rival_idle_s:.0f} s ago"
        session, reply = _acknowledge(session, (frame,), Result.FAILED)
        return session, [Send(reply), Note("second_session", reason), Close(reason)]
    outputs: list[Output] = []
    if known.rival_idle_s is not None:
        outputs.append(Note("session_replaced", f"phone {terminal.phone} was silent for {known.rival_idle_s:.0f} s"))
    session, reply = _acknowledge(session, (frame,), Result.DONE)
    admitted = replace(session, terminal=terminal, phone=frame.phone_number, strikes=0, wrong_codes=0)
    return admitted, [*outputs, Admit(terminal), Send(reply), Note("authenticated")]


def _ingest(session: Session, message: Message, known: Known, terminal: Terminal) -> Step:
    terminal = known.terminal or terminal  # the register may have moved it to another truck or profile since
    arrival = _arrival(session, message.raw, known, terminal)
    match message.first.message_id:
        case Up.LOCATION:
            state = _state(message.body, message, known, terminal, resent=False)
            return _keep(session, message, intake.kept(arrival, [state]), Result.DONE, "kept")
        case Up.LOCATIONS:
            return _ingest_batch(session, message, known, terminal)
        case Up.HEARTBEAT:
            return _keep(session, message, intake.kept(arrival, []), Result.DONE, "kept")
        case Up.ACKNOWLEDGE:
            return replace(session, strikes=0), [Note("answer")]
        case _:
            return _keep(session, message, intake.kept(arrival, []), Result.UNSUPPORTED, "unsupported")


def _ingest_batch(session: Session, message: Message, known: Known, terminal: Terminal) -> Step:
    """A report of the batch that is wrong is set aside alone; the batch fails only if none is right."""
    batch = messages.locations(message.body)
    arrival = _arrival(session, message.raw, known, terminal)
    states: list[events.Event] = []
    letters: list[Outgoing] = []
    for number, body in enumerate(batch.locations, 1):
        try:
            states.append(_state(body, message, known, terminal, resent=batch.resent))
        except Rejected as rejected:
            letters.append(intake.dead_letter(arrival, f"report {number} of {len(batch.locations)}: {rejected}"))
    result = Result.DONE if states or not letters else Result.WRONG
    records = (*intake.kept(arrival, states), *letters)
    return _keep(session, message, records, result, "kept" if not letters else "partly_rejected")


def _state(body: bytes, message: Message, known: Known, terminal: Terminal, *, resent: bool) -> events.TruckState:
    return report.truck_state(
        messages.location(body),
        terminal,
        profiles.named(terminal.profile),
        seq=message.first.serial,
        received_time_ms=known.received_time_ms,
        resent=resent,
    )


def _keep(session: Session, message: Message, records: tuple[Outgoing, ...], result: Result, outcome: str) -> Step:
    session, reply = _acknowledge(replace(session, strikes=0), message.frames, result)
    return session, [Keep(records, reply), Note(outcome)]


def _refused(session: Session, message: Message, known: Known, reason: str, result: Result) -> Step:
    """A message that cannot be used: set aside if its sender is known, and answered so that it is not sent again."""
    if session.terminal is None or message.first.message_id in _WITH_SECRETS:
        return _strike(session, "rejected", reason)
    letter = intake.dead_letter(_arrival(session, message.raw, known, session.terminal), reason)
    session, outputs = _strike(session, "rejected", reason)
    session, reply = _acknowledge(session, message.frames, result)
    return session, [Keep((letter,), reply), *outputs]


def _useless(session: Session, raw: bytes, known: Known, outcome: str, reason: str) -> Step:
    """Bytes that get no answer; kept with their reason only if an authenticated terminal sent them."""
    session, outputs = _strike(session, outcome, reason)
    if session.terminal is None:
        return session, outputs
    return session, [Keep((intake.dead_letter(_arrival(session, raw, known, session.terminal), reason),)), *outputs]


def _strike(session: Session, outcome: str, reason: str) -> Step:
    session = replace(session, strikes=session.strikes + 1)
    outputs: list[Output] = [Note(outcome, reason)]
    if session.strikes >= MAX_STRIKES:
        outputs.append(Close(f"{MAX_STRIKES} useless frames in a row, the last: {reason}"))
    return session, outputs


def _wrong_code(session: Session, frame: Frame, reason: str) -> Step:
    session, outputs = _strike(replace(session, wrong_codes=session.wrong_codes + 1), "refused", reason)
    session, reply = _acknowledge(session, (frame,), Result.FAILED)
    if session.wrong_codes >= MAX_WRONG_CODES:
        outputs.append(Close(f"{MAX_WRONG_CODES} wrong authentication codes"))
    return session, [Send(reply), *outputs]


def _arrival(session: Session, raw: bytes, known: Known, terminal: Terminal) -> Arrival:
    return Arrival(
        protocol=PROTOCOL,
        source_id=terminal.phone,
        tenant_id=terminal.tenant_id,
        session=session.session_id,
        raw=raw,
        received_time_ms=known.received_time_ms,
    )


def _acknowledge(session: Session, frames: tuple[Frame, ...], result: Result) -> tuple[Session, bytes]:
    """One 0x8001 for each frame: the parts of a message are acknowledged together, when the whole is kept."""
    answers = b""
    for frame in frames:
        body = messages.acknowledgement(frame.serial, frame.message_id, result)
        session, answer = _reply(session, frame, Down.ACKNOWLEDGE, body)
        answers += answer
    return session, answers


def _reply(session: Session, frame: Frame, message_id: Down, body: bytes) -> tuple[Session, bytes]:
    data = encode(
        message_id=message_id,
        phone=frame.phone,
        serial=session.next_serial,
        body=body,
        protocol_version=frame.protocol_version,
    )
    return replace(session, next_serial=(session.next_serial + 1) & 0xFFFF), data
