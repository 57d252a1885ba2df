"""What `client/renderer.js` and `client/bridge.js` take for granted of Dash's renderer, against the stock renderer.

No script of ours is on these pages. A new version of Dash that breaks one of these names it here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import dash
import pytest
from dash import MATCH, Input, Output, State, dcc, html
from packaging.version import Version
from playwright.async_api import Page, expect

from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.stock import serving_stock

WATCH = """
window.fetched = [];
const fetch_ = window.fetch.bind(window);
window.fetch = (input, init) => {
    window.fetched.push(new URL(typeof input === 'string' ? input : input.url, location.href).pathname);
    return fetch_(input, init);
};
window.changes = [];
window.dash_stores = [];
window.dash_stores.push = store => {
    window.store = store;
    window.observedIn = store.getState().appLifecycle;
    let before = store.getState().layoutHashes;
    store.subscribe(() => {
        const state = store.getState();
        const hashes = state.layoutHashes;
        for (const path in hashes) {
            if (hashes[path] === before[path]) continue;
            let node = state.layout;
            for (const step of path.split(',')) node = node && node[step];
            const {changedProps, renderType} = hashes[path];
            const executed = state.callbacks.executed.map(each => Object.keys(each.changedPropIds).join());
            if (node && node.props) window.changes.push({id: node.props.id, changedProps, renderType, executed});
        }
        before = hashes;
    });
    return Array.prototype.push.call(window.dash_stores, store);
};
"""
ANSWER = """
    (data) => store.dispatch({type: 'Callbacks.AddExecuted', payload: [{
        callback: {output: 'none', outputs: [], inputs: [], state: [], no_output: true},
        changedPropIds: {}, getOutputs: () => [], getInputs: () => [], getState: () => [], predecessors: [],
        executionResult: {data, payload: {outputs: []}}
    }]})
"""
SET = """
    ([id, props]) => store.dispatch({type: 'ON_PROP_CHANGE', payload: {
        itempath: store.getState().paths.strs[id], props, renderType: 'clientsideApi', source: 'response'
    }})
"""
PANEL = {
    "props": {
        "id": "panel",
        "children": [
            {"props": {"id": "new", "value": "brought"}, "type": "Input", "namespace": "dash_core_components"},
            {"props": {"id": "new-out"}, "type": "Div", "namespace": "dash_html_components"},
        ],
    },
    "type": "Div",
    "namespace": "dash_html_components",
}


class Stock:
    """A page of a stock app.

    Attributes:
        calls: the arguments of each call of its callbacks.
        loads: how often its layout was read.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, object]] = []
        self.loads = 0
        self.url = ""
        self.app = app = dash.Dash("stock", backend="quart", suppress_callback_exceptions=True)
        app.layout = self._layout

        @app.callback(Output("out", "children"), Input("name", "value"))
        def out(value):
            self.calls.append(("out", value))
            return f"out {value}"

        @app.callback(Output("new-out", "children"), Input("new", "value"))
        def new_out(value):
            self.calls.append(("new", value))
            return f"new {value}"

        @app.callback(
            Output({"kind": "b", "n": MATCH}, "children"),
            Input({"kind": "a", "n": MATCH}, "value"),
            State("name", "value"),
        )
        def match(value, name):
            return f"match {value}"

    def _layout(self):
        self.loads += 1
        pair = [dcc.Input(id={"kind": "a", "n": 1}, value="a"), html.Div(id={"kind": "b", "n": 1})]
        fields = [dcc.Input(id="name", value="start"), dcc.Input(id="other", value="kept"), *pair]
        return html.Div([*fields, html.Div(id="out"), html.Div(id="place")])


@pytest.fixture(scope="module")
async def stock() -> AsyncIterator[Stock]:
    stock = Stock()
    async with serving_stock(stock.app) as url:
        stock.url = url
        yield stock


@pytest.fixture
async def page(stock: Stock, browser: Tabs) -> AsyncIterator[Page]:
    context = await browser.context()
    await context.add_init_script(WATCH)
    page = await browser.open(stock.url, context=context)
    await expect(page.locator("#out")).to_have_text("out start")
    await eventually(lambda: page.evaluate("store.getState().appLifecycle === 'HYDRATED'"))
    await page.evaluate("changes.length = 0")
    stock.calls.clear()
    yield page
    await page.close()


async def test_the_store_is_pushed_on_dash_stores(page: Page):
    """The renderer pushes its store on an array that is there already, before there is a layout."""
    assert await page.evaluate("dash_stores.length === 1 && dash_stores[0] === store")
    assert await page.evaluate("observedIn") != "HYDRATED"


async def test_layout_hashes_tell_what_changed_and_by_whom(page: Page):
    """Each change replaces its hash: "internal" by the person, "callback" by an answer, "clientsideApi" by code."""
    await page.locator("#name").fill("typed")
    await expect(page.locator("#out")).to_have_text("out typed")
    await page.evaluate("dash_clientside.set_props('other', {value: 'set'})")
    changes = await page.evaluate(
        "changes.filter(each => 'value' in each.changedProps || 'children' in each.changedProps)"
    )
    seen = {each["id"]: (each["changedProps"], each["renderType"]) for each in changes if isinstance(each["id"], str)}
    assert seen == {
        "name": ({"value": "typed"}, "internal"),
        "out": ({"children": "out typed"}, "callback"),
        "other": ({"value": "set"}, "clientsideApi"),
    }


async def test_an_answer_stands_in_executed_while_it_is_applied(page: Page):
    """What caused an answer is read from the record in `state.callbacks.executed` while its props change."""
    await page.locator("#name").fill("typed")
    await expect(page.locator("#out")).to_have_text("out typed")
    changes = await page.evaluate("changes.filter(each => each.id === 'out' && 'children' in each.changedProps)")
    assert [each["executed"] for each in changes] == [["name.value"]]


async def test_on_prop_change_tells_no_callback(page: Page, stock: Stock):
    """`ON_PROP_CHANGE` shows in the page, and no callback is called; the next one reads the value."""
    await page.evaluate(SET, ["name", {"value": "silent"}])
    await expect(page.locator("#name")).to_have_value("silent")
    await page.locator("#other").fill("x")
    await page.wait_for_function(
        "Object.values(store.getState().callbacks).every(queue => !Array.isArray(queue) || !queue.length)"
    )
    assert stock.calls == []


async def test_a_record_on_the_executed_queue_is_applied_as_an_answer(page: Page, stock: Stock):
    """Callbacks that listen are called, and components that it brings in get their initial calls."""
    await page.evaluate(ANSWER, {"name": {"value": "pushed"}, "place": {"children": PANEL}})
    await expect(page.locator("#out")).to_have_text("out pushed")
    await expect(page.locator("#new-out")).to_have_text("new brought")
    assert sorted(stock.calls) == [("new", "brought"), ("out", "pushed")]


async def test_set_props_gives_no_initial_calls(page: Page, stock: Stock):
    """Why we do not use it: `dash_clientside.set_props` tells callbacks, but those of new components are not called."""
    await page.evaluate(
        """panel => {
            dash_clientside.set_props('place', {children: panel});
            dash_clientside.set_props('name', {value: 'n'});
        }""",
        PANEL,
    )
    await expect(page.locator("#out")).to_have_text("out n")
    await expect(page.locator("#new")).to_have_value("brought")
    assert stock.calls == [("out", "n")]


async def test_the_graph_of_callbacks_can_be_swapped(page: Page, stock: Stock):
    """`SET_GRAPHS` with reset and `dependenciesRequest` swap the callbacks, and every value stays."""
    await page.locator("#other").fill("mine")
    declared = await page.evaluate("fetch('/_dash-dependencies').then(answer => answer.json())")
    for each in declared:
        if each["output"] == "out.children":
            each["inputs"] = [{"id": "other", "property": "value"}]
    await page.evaluate(
        """content => {
            store.dispatch({type: 'SET_GRAPHS', payload: {...store.getState().graphs, reset: true}});
            store.dispatch({type: 'dependenciesRequest', payload: {status: 200, content}});
        }""",
        declared,
    )
    await eventually(lambda: page.evaluate("Boolean(store.getState().graphs.inputMap?.other)"))
    assert await page.evaluate(
        "!store.getState().graphs.reset && !store.getState().graphs.inputMap.name?.value?.length"
    )
    await expect(page.locator("#other")).to_have_value("mine")
    await page.locator("#name").fill("unheard")
    await expect(page.locator("#out")).to_have_text("out start")
    assert ("out", "unheard") not in stock.calls


async def test_reload_reads_all_anew_in_place(page: Page, stock: Stock):
    """`RELOAD` reads layout and callbacks again without navigation, and the store stays."""
    await page.evaluate("window.mark = store; fetched.length = 0")
    loads = stock.loads
    await page.locator("#other").fill("gone")
    await page.evaluate("store.dispatch({type: 'RELOAD'})")
    await expect(page.locator("#other")).to_have_value("kept")
    await expect(page.locator("#out")).to_have_text("out start")
    assert await page.evaluate("window.mark === store && dash_stores.length === 1")
    assert stock.loads == loads + 1
    assert set(await page.evaluate("fetched")) >= {"/_dash-layout", "/_dash-dependencies", "/_dash-update-component"}


async def test_requests_go_through_window_fetch(page: Page):
    """Layout, dependencies and updates are asked for with `window.fetch`, whoever has taken it over."""
    fetched = await page.evaluate("fetched")
    assert fetched.count("/_dash-layout") == 1
    assert fetched.count("/_dash-dependencies") == 1
    assert fetched.count("/_dash-update-component") == 2


async def test_paths_and_inputs_are_found(page: Page):
    """Where components are, and which props are heard: `paths.strs`, `paths.objs`, `inputMap`, `inputPatterns`."""
    assert await page.evaluate(
        """() => {
            const {paths, graphs, layout} = store.getState();
            const at = path => path.reduce((node, step) => node[step], layout).props;
            const found = paths.objs['kind,n'].find(each => each.values.join() === 'a,1');
            return [at(paths.strs.name).id, at(found.path).value, graphs.inputMap.name.value.length,
                    Object.keys(graphs.inputPatterns['kind,n']).join()];
        }"""
    ) == ["name", "a", 1, "value"]


async def test_a_requested_callback_is_called_as_at_the_start(page: Page, stock: Stock):
    """A record on the requested queue with `initialCall` is called as when the page loads."""
    await page.evaluate(
        """() => {
            const {graphs, paths} = store.getState();
            const callback = graphs.callbacks.find(each => each.output === 'out.children');
            const at = deps => paths => deps.map(({id, property}) => [{id, property, path: paths.strs[id]}]);
            store.dispatch({type: 'Callbacks.AddRequested', payload: [{
                callback, anyVals: '', resolvedId: callback.output,
                changedPropIds: {}, initialCall: true, priority: '0',
                getOutputs: at(callback.outputs), getInputs: at(callback.inputs), getState: at(callback.state)
            }]});
        }"""
    )
    await eventually(lambda: stock.calls == [("out", "start")])


async def test_what_comes_first_says_so_through_the_stores_dispatch(page: Page):
    """Each new component dispatches `RESET_COMPONENT_STATE`, since Dash 4.5 only when it is shown anew.

    `dispatch` is looked up on the store after its push.
    """
    await page.evaluate(
        """() => {
            window.resets = 0;
            const {dispatch} = store;
            store.dispatch = action => {
                window.resets += action.type === 'RESET_COMPONENT_STATE';
                return dispatch(action);
            };
        }"""
    )
    await page.evaluate(ANSWER, {"place": {"children": PANEL}})
    await expect(page.locator("#new")).to_have_value("brought")
    if Version(dash.__version__).release >= (4, 5):
        assert await page.evaluate("resets") == 0
        await page.evaluate(ANSWER, {"place": {"children": PANEL}})
    await eventually(lambda: page.evaluate("resets === 3"))


async def test_a_component_says_what_it_changes_before_the_store_acts_on_it(page: Page):
    """`setProps` dispatches functions; the props that these dispatch are those that the store then tells of."""
    await page.evaluate(
        """() => {
            window.said = [];
            const {dispatch} = store;
            const watched = each => {
                if (typeof each === 'function') return (inner, getState) => each(next => {
                    const {type, payload} = next;
                    if (type !== 'ON_PROP_CHANGE' || payload.renderType !== 'internal') return inner(watched(next));
                    const path = payload.itempath.join(',');
                    const before = payload.itempath.reduce((node, step) => node[step], getState().layout).props.value;
                    const told = inner(next);
                    const same = getState().layoutHashes[path].changedProps === payload.props;
                    window.said.push({before, props: payload.props, same});
                    return told;
                }, getState);
                return each;
            };
            store.dispatch = action => dispatch(watched(action));
        }"""
    )
    await page.evaluate(ANSWER, {"place": {"children": PANEL}})
    await page.locator("#new").fill("typed")
    assert await page.evaluate("said") == [{"before": "brought", "props": {"value": "typed"}, "same": True}]


AROUND = """
    element => {
        const name = Object.keys(element).find(each => each.startsWith('__reactFiber$'));
        const ids = [];
        for (let fiber = element[name]; fiber; fiber = fiber.return) {
            const {id, setProps} = fiber.memoizedProps || {};
            if (typeof setProps === 'function' && id !== undefined) ids.push(id);
        }
        return ids;
    }
"""


async def test_an_element_leads_to_the_components_around_it(page: Page):
    """By its fiber, also from what lies over the page, outside the element of its component."""
    assert set(await page.locator("#name").evaluate(AROUND)) == {"name"}
    props = {"id": "day", "with_portal": True, "date": "2026-01-10"}
    day = {"type": "DatePickerSingle", "namespace": "dash_core_components", "props": props}
    await page.evaluate(SET, ["place", {"children": day}])
    await page.locator("#day").click()
    cell = page.locator(".dash-datepicker-calendar td").first
    assert await cell.evaluate("element => !element.closest('#react-entry-point')")
    assert set(await cell.evaluate(AROUND)) == {"day", "place"}
