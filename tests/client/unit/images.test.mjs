/** Images in the order of the app, although a browser decodes each in its own time. */
import assert from 'node:assert/strict';
import {beforeEach, test} from 'node:test';
import {load} from './scripts.mjs';

/** Images that are being decoded, oldest first: the test says when each is done. */
let decoding = [];
globalThis.Image = class {
    constructor() {
        decoding.push(this);
    }
};
globalThis.HTMLCanvasElement = class {};
URL.createObjectURL = blob => `blob:${blob.type}`;
URL.revokeObjectURL = () => {};
const dd = load('videos', 'images');

/** What the camera shows, and how many images the app was told of. */
let camera, images, told;
beforeEach(() => {
    decoding = [];
    camera = {};
    told = 0;
    globalThis.document = {hidden: false, getElementById: id => (id === 'camera' ? {} : null)};
    images = new dd.Images({props: () => camera, setQuietly: (id, prop, value) => (camera[prop] = value)});
});

const show = mime => images.show({id: 'camera', prop: 'src', mime}, new Uint8Array([1]), () => (told += 1));

test('an image that is decoded late does not replace a newer one', () => {
    show('older');
    show('newer'); // after a new connection the app waits for nothing
    decoding[1].onload();
    decoding[0].onload();
    assert.equal(camera.src, 'blob:newer');
    assert.equal(told, 2, 'the app waits for it, shown or not');
});

test('an image does not replace another value that came while it was decoded', () => {
    show('image');
    camera.src = 'parked.png';
    images.replaced('camera', 'src');
    decoding[0].onload();
    assert.equal(camera.src, 'parked.png');
    assert.equal(told, 1);
    show('next');
    decoding[1].onload();
    assert.equal(camera.src, 'blob:next');
});
