import assert from 'node:assert/strict';
import {beforeEach, test} from 'node:test';
import {drawFrame, load, nextTask} from './scripts.mjs';

const dd = load('texts', 'socket', 'arrays', 'patch', 'events', 'shared');
const PERSON = {person: true};

/** A page without a browser: what it shows, what it was given to show, and what it sent. */
let page, shared;
beforeEach(() => {
    page = {
        shown: {slider: {value: 1}, text: {value: 'a'}},
        applied: [],
        sent: [],
        notices: [],
        most: 1 << 20,
        apply: (mods, revision) => page.applied.push([mods, revision]),
        send: frame => page.sent.push(frame),
        changing: () => {},
        refuse: text => page.notices.push(text),
        value: (id, prop) => (page.shown[id] || {})[prop],
        sentEdits: () => {},
        goesOn: () => false
    };
    shared = new dd.SharedProps(page);
    shared.reset([['slider', 'value'], ['text', 'value']], []);
});

test('a change of a shared prop goes out when the code that made it is over', async () => {
    shared.changed('slider', {value: 2, drag_value: 2}, PERSON);
    assert.deepEqual(page.sent, []);
    await nextTask();
    assert.deepEqual(page.sent, [{t: 'set', s: 1, m: {slider: {value: 2}}, c: undefined, w: undefined}]);
});

test('changes of one event are one frame, the newest value of a prop wins', async () => {
    page.goesOn = () => true;
    shared.changed('slider', {value: 2}, PERSON);
    shared.changed('text', {value: 'b'}, PERSON);
    shared.changed('slider', {value: 3}, PERSON);
    await nextTask();
    assert.deepEqual(page.sent.map(({s, m}) => [s, m]), [[1, {slider: {value: 3}, text: {value: 'b'}}]]);
});

test('changes with different causes are different frames, in their order', async () => {
    page.goesOn = () => true;
    shared.changed('slider', {value: 2}, PERSON);
    shared.changed('text', {value: 'b'}, {by: ['slider', 'value', 7], said: true});
    await nextTask();
    assert.deepEqual(page.sent.map(({c, w}) => [c, w]), [[undefined, undefined], [['slider', 'value', 7], 'said']]);
});

test('what is not shared stays in the page, and goes out once the page hears that it is shared', async () => {
    const before = performance.now();
    page.shown.own = {value: 5};
    shared.changed('own', {value: 5}, PERSON);
    await nextTask();
    assert.deepEqual(page.sent, []);
    shared.declare([['own', 'value']]);
    shared.sendOwn(before);
    await nextTask();
    assert.deepEqual(page.sent.map(({m}) => m), [{own: {value: 5}}]);
});

test("others' changes of a pending prop are ignored until the app has acknowledged ours", async () => {
    shared.changed('slider', {value: 2}, PERSON);
    await nextTask();
    shared.receive({slider: {value: 9}, text: {value: 'b'}}, 1, 50);
    shared.acknowledged(1);
    shared.receive({slider: {value: 10}}, 2, 50);
    assert.deepEqual(page.applied, [[{slider: {}, text: {value: 'b'}}, 1], [{slider: {value: 10}}, 2]]);
});

test('what was not acknowledged is sent again, what was is not', async () => {
    shared.changed('slider', {value: 2}, PERSON);
    await nextTask();
    shared.changed('text', {value: 'b'}, PERSON);
    await nextTask();
    shared.acknowledged(1);
    page.sent = [];
    shared.resend();
    assert.deepEqual(page.sent.map(({s}) => s), [2]);
});

test('a change that the app could not read is given up, and the page asks for what holds', async () => {
    page.send = frame => {
        page.sent.push(frame);
        return 12;
    };
    shared.changed('slider', {value: 2}, PERSON);
    await nextTask();
    page.sent = [];
    shared.unread(12);
    assert.deepEqual(page.sent, [{t: 'want', ids: {}, m: {slider: ['value']}}]);
    shared.receive({slider: {value: 9}}, 1, 50);
    assert.deepEqual(page.applied, [[{slider: {value: 9}}, 1]]);
});

test('a value over the limit stays in the page, and its person is told', async () => {
    shared.changed('text', {value: 'x'.repeat(page.most)}, PERSON);
    await nextTask();
    assert.deepEqual(page.sent, []);
    assert.match(page.notices[0], /over the limit of 1048576 bytes/);
});

test('large values wait for an animation frame, and only the latest is applied', () => {
    const large = 64 * 1024;
    shared.receive({text: {value: 'one'}}, 1, large);
    shared.receive({text: {value: 'two'}}, 2, large);
    assert.deepEqual(page.applied, [[{text: {value: 'one'}}, 1]]);
    drawFrame();
    assert.deepEqual(page.applied, [[{text: {value: 'one'}}, 1], [{text: {value: 'two'}}, 2]]);
});

test('large values of different components are applied together', () => {
    const large = 64 * 1024;
    shared.receive({text: {value: 'one'}}, 1, large);
    shared.receive({slider: {value: 2}}, 2, large);
    assert.deepEqual(page.applied, []);
    drawFrame();
    assert.deepEqual(page.applied, [[{text: {value: 'one'}, slider: {value: 2}}, 2]]);
});

test("a large value that waits does not replace the page's own change, which comes after it", async () => {
    shared.receive({text: {value: 'large'}, slider: {value: 5}}, 1, 64 * 1024);
    shared.changed('text', {value: 'mine'}, PERSON);
    await nextTask();
    shared.acknowledged(1);
    drawFrame();
    assert.deepEqual(page.applied.map(([mods]) => mods), [{text: {}, slider: {value: 5}}]);
});

test('a small value of the same prop comes after the large one that waits', () => {
    shared.receive({text: {value: 'large'}}, 1, 64 * 1024);
    shared.receive({text: {value: 'small'}}, 2, 50);
    assert.deepEqual(page.applied.map(([mods]) => mods.text.value), ['large', 'small']);
});

test('what undoes a change waits until the change was drawn, and a newer value goes before it', async t => {
    t.mock.timers.enable({apis: ['setTimeout']});
    const drawn = () => {
        t.mock.timers.tick(60);
        drawFrame();
    };
    shared.undo({slider: {value: 1}}, 1);
    assert.deepEqual(page.applied, []);
    drawn();
    shared.undo({slider: {value: 1}, text: {value: 'a'}}, 1);
    shared.receive({slider: {value: 5}}, 7, 50);
    shared.receive({text: {value: 'mine'}}, undefined, 50, 3);
    drawn();
    assert.deepEqual(page.applied.map(([mods]) => mods).slice(0, 3), [{slider: {value: 1}}, {slider: {value: 5}}, {text: {value: 'mine'}}]);
    const after = Object.assign({}, ...page.applied.slice(3).map(([mods]) => mods));
    assert.deepEqual(Object.values(after).flatMap(Object.keys), []);
});

test('a Patch changes the value that holds, not the one that is about to be undone', t => {
    t.mock.timers.enable({apis: ['setTimeout']});
    const patch = {__dash_patch_update: true, operations: []};
    shared.undo({text: {value: 'a'}}, 1);
    shared.receive({text: {value: patch}}, 7, 50);
    assert.deepEqual(page.applied.map(([mods]) => mods.text.value), ['a', patch]);
});

test('what waits to be drawn is not applied to a newer layout', t => {
    t.mock.timers.enable({apis: ['setTimeout']});
    shared.undo({slider: {value: 1}}, 1);
    shared.receive({text: {value: 'large'}}, 7, 64 * 1024);
    shared.laidOut();
    t.mock.timers.tick(60);
    drawFrame();
    assert.deepEqual(page.applied, []);
});

test('what a page has missed does not replace its own change that is on its way', async () => {
    shared.changed('slider', {value: 2}, PERSON);
    await nextTask();
    shared.receiveOwn({slider: {value: 1}, text: {value: 'b'}}, 50, 3);
    assert.deepEqual(page.applied.map(([mods]) => mods), [{slider: {}, text: {value: 'b'}}]);
});

test('a page says which of its values are on their way', async () => {
    shared.changed('slider', {value: 2}, PERSON);
    shared.changed('text', {value: 'b'}, PERSON);
    page.shown = {slider: {value: 2}, text: {value: 'b'}};
    await nextTask();
    assert.ok(shared.isPending('slider', 'value'));
    assert.deepEqual(shared.pendingValues().map(({id, prop, value}) => [id, prop, value]), [
        ['slider', 'value', 2],
        ['text', 'value', 'b']
    ]);
    shared.acknowledged(2);
    assert.deepEqual([shared.pendingValues(), shared.isPending('slider', 'value')], [[], false]);
});

test('a pattern matches the ids that have its keys, whatever stands for a wildcard', () => {
    const pattern = {kind: 'fan', at: null};
    assert.ok(dd.matches(pattern, '{"at":3,"kind":"fan"}'));
    for (const id of ['fan', '{"kind":"fan"}', '{"at":3,"kind":"pump"}', '{"at":3,"kind":"fan","x":1}']) assert.ok(!dd.matches(pattern, id));
});

test('the cause of a change names the shared change that led to it', () => {
    assert.equal(dd.causeFrame({person: true}), undefined);
    assert.deepEqual(dd.causeFrame({person: true, through: ['a', 'n_clicks']}), ['a', 'n_clicks', -1]);
    assert.deepEqual(dd.causeFrame({by: ['a', 'value', 4]}), ['a', 'value', 4]);
    assert.deepEqual(dd.causeFrame({initial: true}), []);
});
