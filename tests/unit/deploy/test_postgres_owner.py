"""Whose the database's files are."""

import pytest

from deploy.local import unprivileged
from deploy.local.failure import LocalStartError
from deploy.local.postgres import Postgres


def test_a_cluster_of_another_user_is_one_sentence(tmp_path, monkeypatch):
    """After one start with sudo an ordinary one is told why not, before the server refuses for a minute."""
    server = Postgres(data=tmp_path / "postgres", specs=tmp_path / "specs")
    server.data.mkdir()
    (server.data / "PG_VERSION").write_text("18")
    owner = server.data.stat().st_uid
    monkeypatch.setattr(unprivileged, "server_uid", lambda: owner + 54321)

    with pytest.raises(
        LocalStartError, match=r"belongs to .* run as user \d+ now: .*who began this city, .*make reset"
    ):
        server.prepare()
