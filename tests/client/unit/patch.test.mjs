import assert from 'node:assert/strict';
import {test} from 'node:test';
import {load} from './scripts.mjs';

const dd = load('arrays', 'patch');
const patch = (operation, location, params = {}) => ({operations: [{operation, location, params}]});
/** `{dtype, bdata}` as Plotly's Python side packs an array. */
const packed = (array, dtype, shape) => ({dtype, bdata: Buffer.from(array.buffer).toString('base64'), ...(shape && {shape})});

const CASES = [
    ['Assign', {a: {b: 1}}, ['a', 'b'], {value: 2}, {a: {b: 2}}],
    ['Assign', [1, 2, 3], [-1], {value: 9}, [1, 2, 9]],
    ['Merge', {a: {b: 1}}, ['a'], {value: {c: 2}}, {a: {b: 1, c: 2}}],
    ['Extend', [1], [], {value: [2, 3]}, [1, 2, 3]],
    ['Append', [1], [], {value: [2]}, [1, [2]]],
    ['Prepend', [1], [], {value: 0}, [0, 1]],
    ['Insert', [1, 3], [], {index: 1, value: 2}, [1, 2, 3]],
    ['Clear', {a: [1]}, ['a'], {}, {a: []}],
    ['Clear', {a: {b: 1}}, ['a'], {}, {a: {}}],
    ['Reverse', [1, 2], [], {}, [2, 1]],
    ['Remove', [{x: 1}, {x: 2}, {x: 1}], [], {value: {x: 1}}, [{x: 2}]],
    ['Delete', {a: 1, b: 2}, ['a'], {}, {b: 2}],
    ['Delete', [1, 2, 3], [-1], {}, [1, 2]],
    ['Add', {n: 1}, ['n'], {value: 2}, {n: 3}],
    ['Sub', {n: 1}, ['n'], {value: 2}, {n: -1}],
    ['Mul', {n: 3}, ['n'], {value: 2}, {n: 6}],
    ['Div', {n: 3}, ['n'], {value: 2}, {n: 1.5}]
];

for (const [operation, value, location, params, expected] of CASES) {
    test(`${operation} at ${JSON.stringify(location)} of ${JSON.stringify(value)}`, () => {
        const before = structuredClone(value);
        assert.deepEqual(dd.applyPatch(value, patch(operation, location, params)), expected);
        assert.deepEqual(value, before, 'the value itself was changed');
    });
}

test('operations are applied in order', () => {
    const {operations: [first]} = patch('Append', [], {value: 2});
    const {operations: [second]} = patch('Mul', [-1], {value: 10});
    assert.deepEqual(dd.applyPatch([1], {operations: [first, second]}), [1, 20]);
});

test('an operation that is not known is an error that names it', () => {
    assert.throws(() => dd.applyPatch(1, patch('Rotate', [])), /Patch operation Rotate is not known/);
});

test('values are equal as JSON, whatever the order of their keys', () => {
    assert.ok(dd.same({a: [1, {b: null}], c: 2}, {c: 2, a: [1, {b: null}]}));
    for (const [one, other] of [[[], {}], [{a: 1}, {a: 1, b: 2}], [null, {}], [1, '1'], [[1, 2], [2, 1]]]) assert.ok(!dd.same(one, other));
});

test('a packed array becomes a list, of lists where it has two dimensions', () => {
    assert.deepEqual(dd.unpacked(packed(new Float64Array([1.5, -2]), 'f8')), [1.5, -2]);
    assert.deepEqual(dd.unpacked(packed(new Int16Array([1, 2, 3, 4, 5, 6]), 'i2', '2, 3')), [[1, 2, 3], [4, 5, 6]]);
});

test('a Patch on a packed array is applied to it as a list, and others stay packed', () => {
    const figure = {data: [{x: packed(new Float32Array([1, 2]), 'f4'), y: packed(new Float32Array([3, 4]), 'f4')}]};
    const patched = dd.applyPatch(figure, patch('Append', ['data', 0, 'x'], {value: 5}));
    assert.deepEqual(patched.data[0].x, [1, 2, 5]);
    assert.equal(patched.data[0].y, figure.data[0].y);
});
