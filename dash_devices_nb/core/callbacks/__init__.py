"""Shared callbacks: which ones an event calls, in which order, and what follows from their results.

The `dispatcher` is the way in: it takes one event at a time (a change, a push, a result, somebody who joins or leaves)
and returns the actions that a driver performs. The other modules are its parts.
"""
