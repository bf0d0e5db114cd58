"""What goes wrong in the local start is told in one sentence that says what to do next."""

import errno
from typing import Final


class LocalStartError(Exception):
    """The local start cannot go on; the message is one sentence for the person who typed the command."""


class Interrupted(LocalStartError):  # noqa: N818  # not the failure itself: what another failure, or Ctrl-C, cut short
    """Work that was ended from outside; the reason is told elsewhere."""


_ADVICE: Final = {
    errno.ENOSPC: "free some disk space, or set QINGYUN_DATA_DIR and QINGYUN_BUILD_DIR to folders on another disk",
    errno.EDQUOT: "free some disk space, or set QINGYUN_DATA_DIR and QINGYUN_BUILD_DIR to folders on another disk",
    errno.EACCES: "run as the user who owns the clone and its data",
    errno.EPERM: "run as the user who owns the clone and its data",
    errno.EROFS: "the clone must lie where you may write",
    errno.ENAMETOOLONG: "clone to a shorter path",
    errno.EMFILE: "raise the number of files a process may open (`ulimit -n 4096`)",
}


def sentence(error: OSError) -> str | None:
    """Say what the operating system refused, and what to do; None if that is not the person's to mend."""
    advice = _ADVICE.get(error.errno or 0)
    if advice is None:
        return None
    where = f"{error.filename} cannot be used" if error.filename else "the system refused"
    return f"{where}: {error.strerror}; {advice}"
