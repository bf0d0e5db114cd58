"""The command line of the services: it teaches, and answers what is wrong with a sentence."""

import sys

import pytest

from deploy.local import ports
from deploy.local.program import ROOT
from services.cli import COMMANDS, PROCESSES, explain, main
from services.settings import SettingError


def _says(capsys, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["services", *arguments])
    code = 0
    try:
        main()
    except SystemExit as leaving:
        code = leaving.code
    return code, capsys.readouterr()


def test_help_of_a_program_lists_its_settings_instead_of_starting_it(capsys, monkeypatch):
    """Name, meaning, default of each, from the one place where they are declared."""
    code, said = _says(capsys, monkeypatch, "ingest", "--help")

    assert code == 0
    assert "QINGYUN_INGEST_PORT          TCP port of ingest's HTTP doors" in said.out
    assert "[8081]" in said.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("ingest", "--port"),
            "ingest takes no '--port': it has settings only, see python -m services ingest --help\n",
        ),
        (("ingets",), "\nThere is no 'ingets': take one of the names above.\n"),
    ],
)
def test_a_misused_name_is_one_sentence(capsys, monkeypatch, arguments, sentence):
    """Exit code 2, as for every wrong use."""
    code, said = _says(capsys, monkeypatch, *arguments)

    assert (code, said.err) == (2, sentence)


def test_every_name_is_listed(capsys, monkeypatch):
    """Without a name, all there are."""
    _, said = _says(capsys, monkeypatch)

    assert all(f"  {name} " in said.out for name in (*PROCESSES, *COMMANDS))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("users", "disable", "bob"), "the database of DATABASE_URL does not answer (connection failed: "),
        (
            ("city", "init", "../x", "--roads", __file__, "--time-zone", "UTC"),
            "NAME is '../x', expected small letters",
        ),
        (
            ("city", "init", "x", "--roads", __file__, "--time-zone", "Mars/Base"),
            "--time-zone is 'Mars/Base', expected",
        ),
    ],
)
def test_a_tool_that_cannot_is_one_sentence(capsys, monkeypatch, arguments, sentence):
    """No traceback, exit code 1, and nothing is made."""
    monkeypatch.setenv("DATABASE_URL", f"postgresql://who@127.0.0.1:{ports.free()}/city")

    code, said = _says(capsys, monkeypatch, *arguments)

    assert code == 1
    assert said.err.startswith(sentence)
    assert len(said.err.splitlines()) == 1
    assert not (ROOT / "deploy" / "cities" / "x").exists()


def test_a_program_that_runs_hides_no_error_but_a_wrong_setting():
    """What it meets at work ends it with the whole story; a tool says it in a sentence."""
    refused = FileNotFoundError(2, "No such file or directory", "fixes.csv")

    assert explain.failure(refused, of_a_tool=True) == "fixes.csv: No such file or directory"
    assert explain.failure(refused, of_a_tool=False) is None
    assert explain.failure(SettingError("X is 'y'"), of_a_tool=False) == "X is 'y'"
