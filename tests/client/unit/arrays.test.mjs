import assert from 'node:assert/strict';
import {test} from 'node:test';
import {load} from './scripts.mjs';

const dd = load('arrays', 'patch', 'events');

/** A frame as the app sends it, its arrays one after the other at multiples of 8. */
function message(a, frame, ...arrays) {
    const json = Buffer.from(JSON.stringify({a, frame}));
    const from = Math.ceil((8 + json.length) / 8) * 8;
    const bytes = Buffer.alloc(from + arrays.reduce((sum, each) => sum + Math.ceil(each.byteLength / 8) * 8, 0));
    bytes.writeUInt32BE(json.length, 4);
    json.copy(bytes, 8);
    let at = from;
    for (const each of arrays) {
        Buffer.from(each.buffer).copy(bytes, at);
        at += Math.ceil(each.byteLength / 8) * 8;
    }
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
}

const place = (dtype, offset, length, shape, list = 1) => ({dtype, bdata: [offset, length], shape, ...(list && {list})});
const plain = value => JSON.parse(JSON.stringify(value));

test('an array in a figure is a typed array, and a list in JSON', () => {
    const y = new Float32Array([1, 2.5, NaN]);
    const figure = {data: [{y: place('f4', 0, 12, '3'), bdata: [1]}]};
    const {frame} = dd.frameWithArrays(message([['g', 'figure']], {t: 'mods', r: 1, m: {g: {figure}, other: {x: [1]}}}, y));
    const [trace] = frame.m.g.figure.data;
    assert.ok(trace.y instanceof Float32Array);
    assert.deepEqual([...trace.y], [1, 2.5, NaN]);
    assert.deepEqual(plain(frame.m), {g: {figure: {data: [{y: [1, 2.5, null], bdata: [1]}]}}, other: {x: [1]}});
    assert.ok(frame.size > 100);
});

test('what Plotly had packed is packed in JSON', () => {
    const z = new Float64Array([1, 2, 3, 4, 5, 6]);
    const figure = {z: place('f8', 0, 48, '2, 3', 0)};
    const {frame} = dd.frameWithArrays(message([['g', 'figure']], {t: 'mods', r: 1, m: {g: {figure}}}, z));
    const rows = frame.m.g.figure.z;
    assert.deepEqual(rows.map(row => [...row]), [[1, 2, 3], [4, 5, 6]]);
    assert.ok(rows[0] instanceof Float64Array);
    assert.deepEqual(plain(rows), {dtype: 'f8', bdata: Buffer.from(z.buffer).toString('base64'), shape: '2, 3'});
});

test('points that a graph adds are lists', () => {
    const y = new Float64Array([1, 2]);
    const extendData = [{y: [place('f8', 0, 16, '2')]}, [0], 100];
    const {frame} = dd.frameWithArrays(message([['g', 'extendData']], {t: 'mods', r: 1, m: {g: {extendData}}}, y));
    assert.deepEqual(frame.m.g.extendData, [{y: [[1, 2]]}, [0], 100]);
});

test('a patch assigns a typed array, and adds lists', () => {
    const operation = (name, location, at) => ({operation: name, location, params: {value: place('f8', at, 16, '2')}});
    const figure = {__dash_patch_update: 'x', operations: [operation('Assign', ['y'], 0), operation('Extend', ['x'], 16)]};
    const arrays = [new Float64Array([1, 2]), new Float64Array([3, 4])];
    const {frame} = dd.frameWithArrays(message([['g', 'figure']], {t: 'mods', r: 1, m: {g: {figure}}}, ...arrays));
    const result = dd.applyPatch({x: [0]}, frame.m.g.figure);
    assert.ok(result.y instanceof Float64Array);
    assert.deepEqual(result.x, [0, 3, 4]);
    const later = {operations: [{operation: 'Append', location: ['y'], params: {value: 9}}]};
    assert.deepEqual(dd.applyPatch(result, later).y, [1, 2, 9]);
    const inside = {operations: [{operation: 'Assign', location: ['y', 1], params: {value: 8}}]};
    assert.deepEqual(dd.applyPatch(result, inside).y, [1, 8]);
});

test('arrays are compared by their numbers', () => {
    assert.ok(dd.same(new Float32Array([1, NaN]), new Float32Array([1, NaN])));
    assert.ok(!dd.same(new Float32Array([1, 2]), new Float32Array([1, 3])));
    assert.ok(!dd.same({y: new Float32Array([1])}, {y: new Float32Array([1, 2])}));
});
