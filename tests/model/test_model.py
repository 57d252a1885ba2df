"""Whole apps and real pages agree after any history of acts, pushes, lost connections, edited cells and restarts.

`make test` has a few histories, the same each time; `make model` has others each time, for as long as it is told.
"""

from __future__ import annotations

import os

import numpy  # noqa: F401 - whole, before a thread of an app imports it while hypothesis looks at it
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.patience import until
from tests.model.world import QUIET_SECONDS, World

ANYTHING = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


def test_after_some_histories_all_agree():
    """A few histories, always the same."""
    few = settings(max_examples=6, stateful_step_count=25, derandomize=True, **ANYTHING)
    run_state_machine_as_test(World, settings=few)


def test_a_page_that_hears_late_that_the_app_had_stopped_comes_back():
    """Its connection seemed to stand when all others had come back, and it was never asked again."""
    world = World()
    seat = world.first()
    world.second()
    world.stall(seat=seat)
    world.act(seat=seat, name="a", count=4)
    for _ in range(3):
        world.push_large(count=14)
    world.stop()
    world.run_again()
    world.teardown()


def test_a_page_that_has_stalled_goes_on_when_its_network_does():
    """The network was told so in another thread than its own, which slept on, for 20 s and more."""
    world = World()
    seat, other = world.first(), world.second()
    world.stall(seat=seat)
    for _ in range(5):
        world.push_large(count=2)
        world.click(seat=seat)
    world.app.push_mods({"last": {"children": "the last"}})
    until(lambda: other.tab.prop("last", "children") == "the last", QUIET_SECONDS)  # all is quiet now
    world.teardown()


def test_a_page_that_loads_a_new_layout_gets_it_behind_much_that_was_pushed():
    """It applied nothing without a layout, and its layout waited behind what it had not applied."""
    world = World()
    seat = world.first()
    world.second()
    world.stall(seat=seat)
    world.lay_out_anew()
    world.push_large(count=8)
    world.teardown()


def test_what_a_callback_that_raises_has_set_before_stays():
    """The model took a call for one that had returned, which the history had let raise."""
    world = World()
    world.first()
    world.second()
    until(lambda: world.program.latest == ["0"], QUIET_SECONDS)  # its first call
    world.hold(name="latest")
    world.push(name="a")
    until(lambda: world.program.gates.waiting == ["latest"], QUIET_SECONDS)
    world.end_one(which=0, raises=True)
    world.teardown()


@pytest.mark.long
@pytest.mark.timeout(0)
def test_after_any_history_all_agree():
    """Other histories each time."""
    many = int(os.environ.get("MODEL_HISTORIES", "600"))
    phases = (Phase.explicit, Phase.generate, Phase.shrink)
    run_state_machine_as_test(
        World, settings=settings(max_examples=many, stateful_step_count=40, phases=phases, print_blob=True, **ANYTHING)
    )
