"""What the tests stand on: waiting with a deadline, real browsers, kernels, servers and scripts.

The fixtures are in ``tests/conftest.py``; what they hand out is here.
"""

from tests.support.eventually import eventually, eventually_sync

__all__ = ["eventually", "eventually_sync"]
