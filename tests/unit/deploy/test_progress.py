"""What the person sees, and what happens when nobody is there to see it."""

import io
import os
import subprocess
import sys

import pytest
from rich.console import Console

from deploy.local.failure import Interrupted
from deploy.local.program import ROOT
from deploy.local.progress import Reporter

UNREAD = """
import sys
from deploy.local.progress import Reporter
with Reporter() as reporter:
    sys.stdin.read()
    reporter.say("nobody reads this")
    reporter.say("nor this")
print("ended in order", file=open(sys.argv[1], "w"))
"""


def test_a_reader_that_is_gone_is_no_reason_to_fail(tmp_path):
    """`make run | tee log`, Ctrl-C: tee is gone first, and the ending must go on to its end."""
    reader, writer = os.pipe()
    argv = [sys.executable, "-c", UNREAD, str(tmp_path / "end")]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=writer) as process:
        os.close(writer)
        os.close(reader)
        process.stdin.close()
        assert process.wait(60) == 0

    assert (tmp_path / "end").read_text() == "ended in order\n"


def test_only_what_failed_by_itself_is_marked():
    """Work that another failure cut short is not shown as a failure of its own."""
    shown = io.StringIO()

    with Reporter(Console(file=shown)) as reporter:
        for title, error in (("pages", OSError), ("maps", Interrupted)):
            with pytest.raises(error), reporter.step(title):
                raise error

    assert shown.getvalue() == "× pages\n"
