from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb.console.layers import columns, heights, routes

EDGES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=30)


def test_what_follows_stands_to_the_right():
    """A node stands one column right of the rightmost one that leads to it."""
    nodes = ["late", "a", "b", "c", "lone"]
    assert columns(nodes, [("a", "b"), ("b", "c"), ("a", "c"), ("c", "late")]) == {
        "a": 0, "b": 1, "c": 2, "late": 3, "lone": 0,
    }  # fmt: skip


def test_a_circle_is_cut():
    """Nodes that lead to each other get columns all the same, in the order in which they were given."""
    assert columns(["a", "b"], [("a", "b"), ("b", "a"), ("a", "a")]) == {"a": 0, "b": 1}


def test_an_edge_over_several_columns_goes_by_a_point_in_each():
    """So that what stands there makes way for it."""
    column = {"a": 0, "b": 1, "c": 3}
    found = routes(column, [("a", "b"), ("a", "c"), ("c", "a")])
    assert found["a", "b"] == ["a", "b"]
    assert found["c", "a"] == ["c", "a"]
    assert [column[node] for node in found["a", "c"]] == [0, 1, 2, 3]


@given(EDGES)
def test_nodes_never_overlap(edges):
    """Whatever the edges, nodes of a column keep their room, and the topmost one touches the top."""
    nodes = list(range(13))
    column = columns(nodes, edges)
    size = {node: 10.0 + node for node in nodes}
    height = heights(column, edges, size)
    for number in set(column.values()):
        layer = sorted((node for node in nodes if column[node] == number), key=lambda node: height[node])
        for above, below in pairwise(layer):
            assert height[below] - height[above] >= (size[above] + size[below]) / 2 - 1e-6
    assert abs(min(height[node] - size[node] / 2 for node in nodes)) < 1e-6
