"""Devices in: JT/T 808 terminals, OsmAnd phones, ChirpStack bin sensors, weighbridges, each to records on Kafka."""
