"""Time as records: one tick to every joined partition each 10 s of city time."""
