"""Integration tests run on a real broker and a real database, one of each a file."""

from tests.embedded import database_url, kafka, postgres, topics

__all__ = ["database_url", "kafka", "postgres", "topics"]
