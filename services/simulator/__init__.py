"""A town whose devices speak the real protocols. It never writes to Kafka: it talks to ingest and the gateway as they do."""
