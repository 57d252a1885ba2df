import assert from 'node:assert/strict';
import {test} from 'node:test';
import {load, nextTask} from './scripts.mjs';

const dd = load('events');
const MARK = '__dash_devices_event';

/** A page with one component; what is set in it is noted, and set back at once, as an AG Grid does. */
function pageWith(id, type = 'AgGrid', namespace = 'dash_ag_grid') {
    const node = {type, namespace, props: {}};
    const seen = [];
    const renderer = {
        node: asked => (asked === id ? node : null),
        setQuietly: (_id, prop, value) => seen.push(value)
    };
    return {seen, renderer};
}

async function until(condition) {
    const end = performance.now() + 5000;
    while (!condition()) {
        assert.ok(performance.now() < end, 'it did not come');
        await nextTask();
    }
}

test('new points of a graph, and what the app has marked, are events', () => {
    assert.ok(dd.isEvent('extendData', [{}]) && dd.isEvent('prependData', [{}]) && dd.isEvent('rowTransaction', {[MARK]: {}}));
    for (const value of [null, 1, 'text', {add: []}, []]) assert.ok(!dd.isEvent('rowTransaction', value));
});

test('each event reaches its component, in order, without its mark', async () => {
    const {seen, renderer} = pageWith('grid');
    const events = new dd.Events(renderer, assert.fail);
    for (const add of [1, 2, 3]) events.add('grid', 'rowTransaction', {[MARK]: {add}});
    await until(() => seen.length === 3);
    assert.deepEqual(seen, [{add: 1}, {add: 2}, {add: 3}]);
});

test('rows that come whole take the place of the transactions that wait', async () => {
    const {seen, renderer} = pageWith('grid');
    const events = new dd.Events(renderer, assert.fail);
    events.add('grid', 'rowTransaction', {[MARK]: {add: 1}});
    events.forget('grid', 'rowData');
    events.add('grid', 'other', {[MARK]: 'later'});
    await until(() => seen.length);
    assert.deepEqual(seen, ['later']);
});

test('a component that takes nothing loses its events, and the person is told once', () => {
    const told = [];
    const events = new dd.Events(pageWith('grid').renderer, text => told.push(text));
    for (let n = 0; n <= 10000; n++) events.add('grid', 'rowTransaction', {[MARK]: n});
    assert.equal(told.length, 1);
    assert.match(told[0], /grid has not taken its last 10000 events \(rowTransaction\)/);
    events.clear();
});

test('points that wait for the same traces are put together, up to what the graph keeps', async () => {
    const drawn = [];
    window.Plotly = {extendTraces: (plot, ...event) => drawn.push(event)};
    const plot = {data: [], classList: {contains: () => false}};
    document.getElementById = () => ({querySelector: () => plot});
    const {renderer} = pageWith('graph', 'Graph', 'dash_core_components');
    const events = new dd.Events(renderer, assert.fail);
    for (const y of [1, 2, 3]) events.add('graph', 'extendData', [{y: [[y]]}, [0], 2]);
    events.add('graph', 'extendData', [{y: [[4]]}, [1], 2]);
    await until(() => drawn.length === 2);
    assert.deepEqual(drawn, [[{y: [[2, 3]]}, [0], 2], [{y: [[4]]}, [1], 2]]);
});
