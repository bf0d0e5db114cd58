"""The whole system on one machine: embedded Kafka and PostgreSQL, and every process under a supervisor."""
