"""Ruin and recreate in compiled loops: what the other engines do in a second, in a fiftieth of it.

`tables` tells the problem in arrays, `trips` places the tips of a route, `drive` finds out when it is where, `search` changes
plans, `engine` has the best ones judged and offers them. `built` says whether the loops are compiled on this machine.
"""
