"""`Patch` and `extendData` on a stored value, against the straightforward model: doing it to a Python object."""

import base64
import copy
import json
import struct

import orjson
import pytest
from dash import Patch
from dash._utils import to_json
from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb.core.props.patches import apply_patch, extend_figure
from dash_devices_nb.errors import PatchError

START = {"list": [3, 1, 2], "dict": {"a": 1}, "number": 4, "deep": [{"x": [0]}]}


def operations(patch: Patch) -> list:
    """What Dash makes of a `Patch`."""
    return orjson.loads(to_json(patch))["operations"]


def both(value, change):
    """Apply a change to a `Patch` and to a copy of the value itself; `change` works on either."""
    patch, model = Patch(), copy.deepcopy(value)
    change(patch)
    change(model)
    return apply_patch(copy.deepcopy(value), operations(patch)), model


def _assign(target):
    target["number"] = 5
    target["new"] = {"b": [1]}
    target["deep"][0]["x"][0] = 7


def _delete(target):
    del target["dict"]["a"]
    del target["list"][1]


def _arithmetic(target):
    target["number"] += 3
    target["number"] *= 2
    target["number"] -= 4
    target["number"] /= 5


def _merge(target):
    target["dict"].update({"a": 2, "b": 3})
    target["dict"] |= {"c": 4}


def _lists(target):
    target["list"].append(9)
    target["list"].extend([8, 7])
    target["list"] += [6]
    target["list"].insert(1, 5)
    target["list"].reverse()
    target["list"].remove(1)


def _clear(target):
    target["list"].clear()
    target["dict"].clear()


def _negative(target):
    target["list"][-1] = 5
    target["deep"][-1]["x"].append(1)


@pytest.mark.parametrize("change", [_assign, _delete, _arithmetic, _merge, _lists, _clear, _negative])
def test_a_patch_does_what_the_same_code_does_to_the_object(change):
    """Every operation of Dash's `Patch`, at the top and deep down."""
    patched, model = both(START, change)
    assert patched == model


def test_prepend_puts_in_front():
    """`prepend` is the one operation that lists do not have."""
    patch = Patch()
    patch["list"].prepend(0)
    assert apply_patch({"list": [1]}, operations(patch)) == {"list": [0, 1]}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 9)),
        st.tuples(st.just("extend"), st.lists(st.integers(0, 9), max_size=3)),
        st.tuples(st.just("insert"), st.integers(-3, 5), st.integers(0, 9)),
        st.tuples(st.just("reverse")),
        st.tuples(st.just("clear")),
    ),
    max_size=8,
)


@given(st.lists(st.integers(0, 9), max_size=4), STEPS)
def test_any_sequence_of_list_operations_gives_what_a_list_gives(start, steps):
    """The operations are applied in their order, each to the result of the one before."""

    def change(target):
        for name, *args in steps:
            getattr(target["v"], name)(*args)

    patched, model = both({"v": start}, change)
    assert patched == model


@pytest.mark.parametrize(
    ("value", "operation", "location", "params"),
    [
        ({}, "Append", ["absent"], {"value": 1}),
        ({"a": 1}, "Append", ["a"], {"value": 1}),
        ([1], "Assign", [5], {"value": 1}),
        (5, "Assign", ["a"], {"value": 1}),
        ({"a": "x"}, "Add", ["a"], {"value": 1}),
        ({"a": 1}, "Div", ["a"], {"value": 0}),
        ({}, "Delete", ["a"], {}),
    ],
)
def test_a_patch_that_does_not_fit_says_what_and_where(value, operation, location, params):
    """The operation and the location are in the message."""
    with pytest.raises(PatchError) as caught:
        apply_patch(value, [{"operation": operation, "location": location, "params": params}])
    assert f"Patch {operation} at {location} does not fit the value there" in str(caught.value)


def test_an_unknown_operation_is_named():
    """A newer Dash may have one that we do not know."""
    with pytest.raises(PatchError, match="Patch operation 'Shuffle' is not known"):
        apply_patch([], [{"operation": "Shuffle", "location": [], "params": {}}])


# ---- extendData


def figure(*traces) -> dict:
    """A figure with these traces."""
    return {"data": list(traces), "layout": {"title": "t"}}


def test_extending_adds_points_to_every_trace():
    """A dict extends the traces in their order; the figure itself is not changed."""
    old = figure({"x": [1], "y": [2]}, {"x": [3], "y": [4]})
    before = json.dumps(old)
    new = extend_figure(old, {"x": [[5], [6]], "y": [[7], [8]]})
    assert [t["x"] for t in new["data"]] == [[1, 5], [3, 6]]
    assert [t["y"] for t in new["data"]] == [[2, 7], [4, 8]]
    assert json.dumps(old) == before


def test_indices_choose_the_traces_and_the_maximum_drops_the_oldest():
    """As documented for `dcc.Graph.extendData`."""
    new = extend_figure(figure({"y": [1]}, {"y": [1, 2, 3]}), [{"y": [[4, 5]]}, [1], 3])
    assert [t["y"] for t in new["data"]] == [[1], [3, 4, 5]]


def test_prepending_puts_in_front_and_drops_the_last():
    """`prependData` is the mirror image."""
    new = extend_figure(figure({"y": [3, 4]}), [{"y": [[1, 2]]}, None, 3], prepend=True)
    assert new["data"][0]["y"] == [1, 2, 3]


def test_nested_props_and_arrays_of_numpy_are_extended():
    """Plotly writes `marker.size`, and numpy arrays as base64."""
    packed = {"dtype": "f8", "bdata": base64.b64encode(struct.pack("<2d", 1.5, 2.5)).decode()}
    new = extend_figure(figure({"y": packed, "marker": {"size": [1]}}), {"y": [[3.5]], "marker.size": [[2]]})
    assert new["data"][0] == {"y": [1.5, 2.5, 3.5], "marker": {"size": [1, 2]}}


def packed(code: str, kind: str, *numbers: float, **more: str) -> dict[str, str]:
    """An array as Plotly packs those of numpy."""
    return {"dtype": kind, "bdata": base64.b64encode(struct.pack(f"<{len(numbers)}{code}", *numbers)).decode(), **more}


def test_arrays_of_several_dimensions_are_extended():
    """The rows of a heatmap."""
    new = extend_figure(figure({"z": packed("b", "i1", 1, 2, 3, 4, 5, 6, shape="2, 3")}), {"z": [[[7, 8, 9]]]})
    assert new["data"][0]["z"] == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


@pytest.mark.parametrize(
    ("name", "location", "params", "wanted"),
    [
        ("Extend", ["y"], {"value": [3]}, [1.5, 2.5, 3]),
        ("Append", ["y"], {"value": 3}, [1.5, 2.5, 3]),
        ("Prepend", ["y"], {"value": 3}, [3, 1.5, 2.5]),
        ("Insert", ["y"], {"index": 1, "value": 3}, [1.5, 3, 2.5]),
        ("Remove", ["y"], {"value": 2.5}, [1.5]),
        ("Reverse", ["y"], {}, [2.5, 1.5]),
        ("Clear", ["y"], {}, []),
        ("Delete", ["y", 0], {}, [2.5]),
        ("Assign", ["y", -1], {"value": 3}, [1.5, 3]),
        ("Mul", ["y", 0], {"value": 2}, [3.0, 2.5]),
        ("Assign", ["y"], {"value": [3]}, [3]),
    ],
)
def test_a_patch_of_a_numpy_array_is_one_of_its_list(name, location, params, wanted):
    """A `Patch` speaks of lists, whatever way Plotly has written them."""
    before = figure({"y": packed("d", "f8", 1.5, 2.5), "x": packed("d", "f8", 0)})
    operation = {"operation": name, "location": ["data", 0, *location], "params": params}
    after = apply_patch(before, [operation])
    assert after["data"][0] == {"y": wanted, "x": packed("d", "f8", 0)}


def test_a_patch_beside_an_array_that_cannot_be_read_says_so():
    """The value stays, and the error names the operation."""
    operation = {"operation": "Append", "location": ["data", 0, "y"], "params": {"value": 1}}
    with pytest.raises(PatchError, match="Patch Append at"):
        apply_patch(figure({"y": BROKEN_ARRAY}), [operation])


@given(
    st.lists(st.lists(st.integers(), max_size=4), max_size=6),
    st.one_of(st.none(), st.integers(0, 8)),
)
def test_any_number_of_extensions_is_the_window_of_all_points(parts, most):
    """What is kept are the newest points, however they came."""
    grown = figure({"y": []})
    for part in parts:
        grown = extend_figure(grown, [{"y": [part]}, [0], most] if most is not None else {"y": [part]})
    points = [point for part in parts for point in part]
    wanted = points if most is None else points[max(len(points) - most, 0) :]
    assert grown["data"][0]["y"] == wanted


BROKEN_ARRAY = {"dtype": "f8", "bdata": "x"}


@pytest.mark.parametrize(
    "data", [None, 3, [], "x", [1], {"y": 3}, {"y": [BROKEN_ARRAY]}, [{"y": [[2]]}, 5], [{"y": [[2]]}, [[0]]]]
)
def test_what_is_no_extension_changes_nothing(data):
    """The page decides about such values; what is kept stays as it is."""
    assert extend_figure(figure({"y": [1]}), data) == figure({"y": [1]})


@pytest.mark.parametrize("broken", [None, {}, {"data": None}, {"data": 3}])
def test_what_is_no_figure_stays_as_it_is(broken):
    """There is nothing to extend."""
    assert extend_figure(broken, {"y": [[1]]}) == broken


def test_a_trace_that_does_not_exist_is_left_out():
    """An index beyond the traces, and a negative one within."""
    assert extend_figure(figure({"y": [1]}), [{"y": [[2]]}, [7], None]) == figure({"y": [1]})
    assert extend_figure(figure({"y": [1]}, {"y": [2]}), [{"y": [[3]]}, [-1], None])["data"][1]["y"] == [2, 3]


# ---- as Dash's page does it


def test_assigning_makes_the_dicts_on_the_way():
    """A figure without a layout gets one by its title, as does no figure at all; a list on the way must be there."""
    patch = Patch()
    patch["layout"]["title"]["text"] = "made"
    assert apply_patch({"data": []}, operations(patch)) == {"data": [], "layout": {"title": {"text": "made"}}}
    assert apply_patch(None, operations(patch)) == {"layout": {"title": {"text": "made"}}}
    with pytest.raises(PatchError, match=r"Patch Assign at \['data', 0\] does not fit the value there"):
        apply_patch({}, [{"operation": "Assign", "location": ["data", 0], "params": {"value": 1}}])


def test_remove_takes_out_every_equal_item():
    """Dash's page filters the list."""
    patch = Patch()
    patch["list"].remove({"a": [1]})
    value = {"list": [{"a": [1]}, 2, {"a": [1]}, {"a": [1], "b": 0}]}
    assert apply_patch(value, operations(patch)) == {"list": [2, {"a": [1], "b": 0}]}


def test_a_patch_of_the_whole_value_is_the_new_one():
    """It names no place in it."""
    assert apply_patch(3, [{"operation": "Add", "location": [], "params": {"value": 4}}]) == 7
    assert apply_patch({"a": 1}, [{"operation": "Assign", "location": [], "params": {"value": [5]}}]) == [5]


def test_extending_what_is_within_no_object_changes_nothing():
    """A trace may have anything there."""
    figure = {"data": [{"marker": "red"}, 3]}
    assert extend_figure(figure, [{"marker.size": [[1], [2]]}, [0, 1]]) == figure
