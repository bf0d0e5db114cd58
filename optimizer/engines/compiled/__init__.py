"""Ruin and recreate in C: thousands of steps a second.

`tables` tells the problem in arrays, ``search.c`` changes plans (``trips.h`` places the tips of a route, ``drive.h`` finds out
when it is where, ``ruin.h`` and ``recreate.h`` are the two halves of a step), `native` is the door to it, `engine` has the best
plans judged and offers them. `built` compiles, and says whether that was done on this machine.
"""
