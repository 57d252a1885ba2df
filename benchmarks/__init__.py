"""How fast it is, next to others. Not tests: what a number means depends on the machine.

``python -m benchmarks trip`` and ``python -m benchmarks startup``.
"""
