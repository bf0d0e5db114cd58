"""Documents in a chain: whatever is changed in it is found, and said."""

from collections.abc import Callable
from typing import Any

import pytest

from services import seal
from services.seal import FIRST, Sealed


def chain(count: int = 4) -> list[Sealed]:
    entries: list[Sealed] = []
    for number in range(count):
        after = entries[-1].link if entries else FIRST
        content = {"b": [1.0, None, "清运"], "a": number, "frames": [{"sha256": f"{number}"}]}
        entries.append(seal.sealed(content, {"evidence_id": "e", "version": number + 1}, after))
    return entries


def test_a_chain_that_nobody_touched_holds() -> None:
    """And its documents are canonical: members in order, one line, UTF-8."""
    entries = chain()
    assert list(seal.chain_faults(entries)) == []
    assert entries[0].document.startswith(b'{"a":0,"b":[1.0,null,"\xe6\xb8\x85')
    assert seal.content_of(entries[0].document) == seal.content_of(
        seal.canonical({"b": [1.0, None, "清运"], "a": 0, "frames": [{"sha256": "0"}]})
    )
    assert seal.frame_hashes(entries[2].document) == ["2"]


def other_bytes(entries: list[Sealed]) -> None:
    entries[1] = entries[1]._replace(document=entries[1].document.replace("清".encode(), b"x"))


def other_bytes_and_hash(entries: list[Sealed]) -> None:
    document = entries[1].document.replace("清".encode(), b"x")
    entries[1] = entries[1]._replace(document=document, sha256=seal.sha256(document))


def removed(entries: list[Sealed]) -> None:
    del entries[1]


def exchanged(entries: list[Sealed]) -> None:
    entries[1], entries[2] = entries[2]._replace(number=2), entries[1]._replace(number=3)


def of_another_alert(entries: list[Sealed]) -> None:
    entries[1] = entries[1]._replace(about={**entries[1].about, "evidence_id": "f"})


def made_anew(entries: list[Sealed]) -> None:
    entries[1] = seal.sealed({"a": "something else"}, entries[1].about, entries[0].link)


def no_document(entries: list[Sealed]) -> None:
    entries[1] = entries[1]._replace(document=b"[]", sha256=seal.sha256(b"[]"))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (other_bytes, ["entry 2: its bytes are not those that were sealed"]),
        (other_bytes_and_hash, ["entry 3: it was not sealed behind entry 2 as that is now"]),
        (removed, ["entry 2: it is gone"]),
        (exchanged, ["entry 2: number is 2 beside it, 3 in what was sealed"]),
        (of_another_alert, ["entry 2: evidence_id is 'f' beside it, 'e' in what was sealed"]),
        (made_anew, ["entry 3: it was not sealed behind entry 2 as that is now"]),
        (no_document, ["entry 2: its bytes are no sealed document"]),
    ],
)
def test_what_was_done_to_an_entry_is_said(harm: Callable[[list[Sealed]], Any], said: list[str]) -> None:
    """Of each harm the first finding names the entry, and what is wrong with it."""
    entries = chain()
    harm(entries)
    assert list(seal.chain_faults(entries))[: len(said)] == said


def test_a_chain_made_anew_ends_with_another_hash() -> None:
    """By itself it holds: only the newest hash, noted elsewhere, tells it from the one that was."""
    before, after = chain(), chain()
    forged: list[Sealed] = [after[0]]
    for entry in after[1:]:
        forged.append(seal.sealed({"a": "forged"}, entry.about, forged[-1].link))
    assert list(seal.chain_faults(forged)) == []
    assert forged[-1].sha256 != before[-1].sha256
