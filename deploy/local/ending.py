"""``make stop`` and ``make reset``."""

import shutil
from typing import Final

from deploy.local import leftovers, once
from deploy.local.failure import LocalStartError
from deploy.local.settings import Local

_LAUNCHER_ENDS_S: Final = 30.0
_LEFTOVERS_END_S: Final = 5.0


def stop(local: Local) -> str:
    """End the launcher and everything below it, or what a crash left; return what happened. Blocks until it is done.

    Raises
    ------
    LocalStartError
        If the launcher does not end.
    """
    number = once.holder(local.run / "lock")
    if number is not None and not once.end_holder(local.run / "lock", number, within_s=_LAUNCHER_ENDS_S):
        raise LocalStartError(f"process {number} did not end within {_LAUNCHER_ENDS_S:g} s; `kill -9 {number}` does")
    ended = leftovers.end(local.supervisor.records, within_s=_LEFTOVERS_END_S)
    leftovers.forget(local.supervisor.records)
    ended += leftovers.end_sessions(local.commands)
    if ended:
        return f"Ended what was left of an earlier start: {', '.join(ended)}."
    return "Nothing ran." if number is None else "Ended."


def refuse_while_running(local: Local) -> None:
    """Raise `LocalStartError` if the system runs."""
    if once.holder(local.run / "lock") is not None or leftovers.alive(local.supervisor.records):
        raise LocalStartError("Qingyun runs; end it first with `make stop`")


def delete_data(local: Local) -> None:
    """Delete the data folder of a system that does not run."""
    refuse_while_running(local)
    shutil.rmtree(local.data)
    socket_folder = local.postgres.socket_folder
    if socket_folder != local.postgres.data:
        shutil.rmtree(socket_folder, ignore_errors=True)
