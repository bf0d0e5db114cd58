"""Pages, API and live events for people; their commands to Kafka."""
