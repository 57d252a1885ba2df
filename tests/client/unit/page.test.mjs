/** The smaller scripts: missed changes, declared components, addresses, edits in place, the store's listeners, text. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {load, nextTask} from './scripts.mjs';

const dd = load('socket', 'addresses', 'missed', 'watched', 'in-place', 'declared', 'store-listeners');
dd.stringifyId = String;
const component = (id, props = {}) => ({type: 'Div', namespace: 'html', props: {id, ...props}});

/** A page that has these components, and accepts what is sent. */
function pageWith(...ids) {
    const page = {ids: new Set(ids), sent: [], has: id => page.ids.has(id), send: frame => page.sent.push(frame)};
    return page;
}

test('a page asks once for what it has missed of a component, since the first change that it missed', () => {
    const page = pageWith();
    const missed = new dd.MissedChanges(page);
    missed.add('late', 4);
    missed.add('late', 9);
    missed.request();
    assert.deepEqual(page.sent, []);
    page.ids.add('late');
    missed.request();
    missed.request();
    assert.deepEqual(page.sent, [{t: 'want', ids: {late: 4}}]);
});

test('a component that arrives with newer values has missed only what is newer still', () => {
    const page = pageWith('old', 'new');
    const missed = new dd.MissedChanges(page);
    for (const revision of [4, 9]) missed.add('old', revision);
    missed.add('new', 5);
    missed.arriving([component('old'), {props: {children: component('new')}, type: 'Div'}], 6);
    missed.request();
    assert.deepEqual(page.sent, [{t: 'want', ids: {old: 7}}]);
});

test('a page says what it shows, and from where on it lacks changes of what it had hidden', t => {
    t.mock.timers.enable({apis: ['setTimeout']});
    const page = {sent: [], at: 5, send: frame => page.sent.push(frame.ids), revision: () => page.at, used: () => ['used']};
    const watched = new dd.Watched(page);
    const shows = (revision, ...ids) => {
        page.at = revision;
        window.dispatchEvent(Object.assign(new Event('dash-devices-watch'), {detail: {ids}}));
        t.mock.timers.tick(50);
    };
    watched.look(); // there is no device
    watched.welcomed();
    t.mock.timers.tick(50);
    assert.deepEqual(page.sent.splice(0), []);
    watched.laidOut(5);
    shows(6, 'a', 'b');
    shows(7, 'a', 'b'); // nothing new
    shows(8, 'a');
    shows(9, 'a', 'b', 'c');
    watched.welcomed();
    assert.deepEqual(page.sent.splice(0), [
        {a: null, b: null, used: null},
        {a: null, used: null},
        {a: null, b: 8, c: 6, used: null},
        {a: null, b: 8, c: 6, used: null}
    ]);
    watched.laidOut(12);
    shows(13, 'b', 'd');
    assert.deepEqual(page.sent, [{b: null, d: 12, used: null}]);
});

test('a page declares a component of a pattern before its first change, and once', t => {
    t.mock.timers.enable({apis: ['setInterval']});
    const page = pageWith('{"n":1}');
    const declared = new dd.DeclaredComponents(page);
    for (const id of ['plain', '{"n":1}', '{"n":1}']) declared.changing(id);
    assert.deepEqual(page.sent, [{t: 'here', ids: ['{"n":1}']}]);
    page.ids.clear();
    t.mock.timers.tick(1000);
    assert.deepEqual(page.sent[1], {t: 'here', gone: ['{"n":1}']});
    declared.newSession();
    assert.equal(page.sent.length, 2, 'it was declared after it had gone');
});

test('addresses that the program made before it was served lead to the app', () => {
    const settings = {prefix: '/lab/dash-devices/a/', moved: {from: ['/'], assets: 'assets/', known: '|two|_dash.*'}};
    const addresses = new dd.Addresses(settings);
    const complete = props => {
        const tree = component('x', props);
        return addresses.complete(JSON.stringify(tree), tree, 3).props;
    };
    assert.equal(complete({src: '/assets/a.png'}).src, '/lab/dash-devices/a/assets/a.png');
    assert.equal(complete({href: '/two?x=1'}).href, '/lab/dash-devices/a/two?x=1');
    assert.equal(complete({href: '/lab/dash-devices/a/two'}).href, '/lab/dash-devices/a/two');
    assert.equal(complete({href: '/elsewhere'}).href, '/elsewhere');
    assert.equal(complete({value: '/assets/a.png'}).value, '/assets/a.png', 'a person wrote that');
    assert.equal(complete({style: {background: 'url(/assets/a.png)'}}).style.background, 'url(/lab/dash-devices/a/assets/a.png)');
});

test('what a component has changed in place is found as paths', () => {
    const rows = [{id: 1, x: 'a'}, {id: 2, x: 'b'}];
    const node = {namespace: 'dash_ag_grid', props: {rowData: rows, own: [1]}};
    const inPlace = new dd.InPlace((id, prop) => prop === 'rowData');
    inPlace.before('grid', node);
    rows[1].x = 'c';
    node.props.own.push(2);
    assert.deepEqual(inPlace.edits('grid', node, {}), {rowData: [[[1, 'x'], 'c']]});
    assert.deepEqual(inPlace.edits('grid', node, {}), {}, 'it was found twice');
    rows.push({id: 3});
    assert.deepEqual(inPlace.edits('grid', node, {}), {rowData: [[[], rows]]}, 'a list of another length goes whole');
});

test("a page's own edits, when they come back, are taken once as confirmed", () => {
    const inPlace = new dd.InPlace(() => true);
    inPlace.sent('grid', 'rowData', [[[1, 'x'], 'c']]);
    const patch = {operations: [{location: [1, 'x'], params: {value: 'c'}}]};
    assert.ok(inPlace.confirms('grid', 'rowData', [{}, {x: 'c'}], patch));
    assert.ok(!inPlace.confirms('grid', 'rowData', [{}, {x: 'c'}], patch));
});

test('listeners hear once of what happens together, and of late actions at the end of the task', async () => {
    const first = [];
    const store = {subscribe: listener => first.push(listener), dispatch: action => (first.forEach(each => each()), action)};
    const before = [];
    const listeners = new dd.StoreListeners(store, ({type}) => type === 'LATE', action => before.push(action.type));
    let heard = 0;
    store.subscribe(() => heard++);
    listeners.together(() => ['A', 'B'].forEach(type => store.dispatch({type})));
    assert.equal(heard, 1);
    store.dispatch({type: 'LATE'});
    store.dispatch({type: 'LATE'});
    assert.equal(heard, 1);
    await nextTask();
    assert.equal(heard, 2);
    store.dispatch(inner => inner({type: 'INNER'}));
    assert.deepEqual(before, []);
});

test('half a surrogate pair becomes a replacement character, a whole one and a backslash stay', () => {
    const half = JSON.stringify({text: '\ud83d', path: 'C:\\ud83d', whole: '😀'});
    assert.deepEqual(JSON.parse(dd.wellFormed(half)), {text: '\ufffd', path: 'C:\\ud83d', whole: '😀'});
});

test('a text is measured in the bytes of UTF-8', () => {
    assert.ok(!dd.tooLong('äöü', 6) && dd.tooLong('äöü', 5) && dd.tooLong('abc', 2) && !dd.tooLong('abc', 3));
});
