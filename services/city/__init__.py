"""A city's folder: read it, check it, make one from a road network, load it into the running system."""
