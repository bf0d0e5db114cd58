"""The language all parts share, the pure core that judges, and the Faust worker around it."""
