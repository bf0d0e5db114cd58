"""Work side by side."""

import subprocess
import sys
import threading

import pytest

from deploy.local.program import ROOT
from deploy.local.together import together

SILENT = """
import threading
from deploy.local.together import together
def broken():
    raise OSError("no route")
try:
    together([broken, threading.Event().wait])
except OSError as error:
    print(error)
"""


def test_results_come_in_the_order_of_the_works():
    """However they end; and each is counted as it does."""
    second_ended, heard = threading.Event(), []

    def first():
        assert second_ended.wait(10)
        return 1

    def second():
        second_ended.set()
        return 2

    assert together([first, second], on_done=heard.append) == [1, 2]
    assert heard == [1, 2]


def test_a_failure_is_raised_at_once_and_begins_nothing_more():
    """What waits its turn is not begun."""
    begun = []

    def broken():
        raise OSError("no route")

    with pytest.raises(OSError, match="no route"):
        together([broken, lambda: begun.append(1)], at_once=1)

    assert begun == []


def test_work_that_hangs_does_not_hold_the_process():
    """A download from a silent network is under way when another work fails: Python ends all the same."""
    ended = subprocess.run(
        [sys.executable, "-c", SILENT], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )

    assert ended.stdout == "no route\n"
