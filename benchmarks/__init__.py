"""How fast it is, next to others. Not tests: what a number means depends on the machine.

``python -m benchmarks NAME``: trip, startup, journal, fanout, classroom, slow, busy, scale, extension, join, soak.
`make bench` runs them all.
"""
