"""Whole apps and real pages agree after any history of acts, pushes, lost connections, edited cells and restarts.

`make test` has a few histories, the same each time; `make model` has others each time, for as long as it is told.
"""

from __future__ import annotations

import os

import numpy  # noqa: F401 - whole, before a thread of an app imports it while hypothesis looks at it
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.world import World

ANYTHING = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


def test_after_some_histories_all_agree():
    """A few histories, always the same."""
    few = settings(max_examples=6, stateful_step_count=25, derandomize=True, **ANYTHING)
    run_state_machine_as_test(World, settings=few)


@pytest.mark.long
@pytest.mark.timeout(0)
def test_after_any_history_all_agree():
    """Other histories each time."""
    many = int(os.environ.get("MODEL_HISTORIES", "600"))
    phases = (Phase.explicit, Phase.generate, Phase.shrink)
    run_state_machine_as_test(
        World, settings=settings(max_examples=many, stateful_step_count=40, phases=phases, print_blob=True, **ANYTHING)
    )
