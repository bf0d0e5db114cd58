"""PostgreSQL refuses to run as root; in a container or on a test machine we often are root. This makes it run anyway.

The process becomes ``nobody`` and keeps one capability of root, CAP_DAC_OVERRIDE, as an *ambient* one (capabilities(7)),
so it still reads the clone wherever it lies, even below a folder others cannot enter. Nothing on the machine changes:
no user is added, no permission widened.
"""

import ctypes
import os
import pwd
import sys
from typing import Final

_CAP_DAC_OVERRIDE: Final = 1
"""linux/capability.h: bypass file read, write and execute permission checks."""
_CAPABILITY_VERSION_3: Final = 0x20080522
_PR_SET_KEEPCAPS: Final = 8
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_RAISE: Final = 2

USER: Final = "nobody"


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def needed() -> bool:
    """True when this process is root."""
    return os.geteuid() == 0


def own(path: str | os.PathLike[str]) -> None:
    """Give a file or folder to the user PostgreSQL will run as; nothing to do unless we are root."""
    if needed():
        user = pwd.getpwnam(USER)
        os.chown(path, user.pw_uid, user.pw_gid)


def server_uid() -> int:
    """Return the user id PostgreSQL will run under."""
    return pwd.getpwnam(USER).pw_uid if needed() else os.geteuid()


def become() -> None:
    """Become ``nobody`` for good, still able to read our own files; nothing to do unless we are root.

    Raises
    ------
    PermissionError
        If this root may not change its user (a container without the capability SETUID).
    """
    if not needed():
        return
    user = pwd.getpwnam(USER)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    if sys.platform == "linux":
        _keep_file_access()


def _keep_file_access() -> None:
    """Raise the ambient capability. Without it (a stripped container) plain permissions decide, so failures are ignored."""
    libc = ctypes.CDLL(None)
    header, data = _Header(_CAPABILITY_VERSION_3, 0), (_Data * 2)()
    mask = 1 << _CAP_DAC_OVERRIDE
    data[0].effective = data[0].permitted = data[0].inheritable = mask
    if libc.capset(ctypes.byref(header), data) == 0:
        libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)
