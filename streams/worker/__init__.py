"""The Faust worker: a thin shell that moves bytes, state and offsets round the pure core. The door to Faust."""
