"""Kafka into PostgreSQL, exactly once."""
