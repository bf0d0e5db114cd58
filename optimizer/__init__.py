"""Who goes where: the problem, the plan, the engines that make one from the other, the judge of both.

This package knows nothing of streams and services: its language is JSON with integers and opaque ids.
"""
