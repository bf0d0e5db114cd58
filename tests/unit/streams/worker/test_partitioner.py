"""Whether keys are where we count on them, by a topic's newest records."""

from streams.worker.partitioner import Found


def test_a_topic_whose_keys_are_mostly_elsewhere_was_written_by_another_partitioner() -> None:
    """Eleven of twelve are astray then; the sentence names the setting that mends it."""
    wrong = Found("truck-states", 240, 220).wrong or ""
    assert "220 of the newest 240 records of truck-states" in wrong
    assert "murmur2_random" in wrong


def test_stray_records_and_a_young_topic_stop_nobody() -> None:
    """Each stray one is a dead letter; of a few records nothing can be said."""
    assert Found("truck-states", 240, 120).wrong is None
    assert Found("truck-states", 5, 5).wrong is None
