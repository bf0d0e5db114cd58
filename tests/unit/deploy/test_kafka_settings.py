"""What the embedded broker is told."""

from subprocess import CompletedProcess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.kafka import _escaped, _last_line


def _as_java_reads_it(value):
    """java.util.Properties.load for the value of one line: Latin-1, backslash escapes."""
    return value.encode("ascii").decode("unicode_escape").encode("utf-16", "surrogatepass").decode("utf-16")


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_a_value_is_what_java_reads(value):
    """Names of folders are the person's: Chinese ones, spaces, backslashes come back as they were."""
    assert _as_java_reads_it(_escaped(value)) == value


@pytest.mark.parametrize(
    ("value", "written"), [("/清运", "/\\u6e05\\u8fd0"), ("a\\b", "a\\\\b"), ("𠮷", "\\ud842\\udfb7")]
)
def test_it_is_written_in_ascii(value, written):
    """Beyond the first 65,536 characters there are two escapes, as in UTF-16."""
    assert _escaped(value) == written


def test_a_java_trace_is_told_by_its_innermost_cause():
    """Its last line is how many more lines there are."""
    trace = "java.lang.A: outer\n\tat x\nCaused by: B: port 1 is there twice\n\t... 8 more\n"
    assert _last_line(CompletedProcess([], 1, "", trace)) == "Caused by: B: port 1 is there twice"
    assert _last_line(CompletedProcess([], 1, "", "no memory\n")) == "no memory"
