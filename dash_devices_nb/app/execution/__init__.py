"""Execution: running callbacks and connect hooks, in workers or on a loop, and recording their outcome.

The `runtime` has the lock around the dispatcher and performs its actions. Results go back in through it.
"""
