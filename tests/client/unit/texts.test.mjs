/** The texts of the page's scripts: whole in each language, all in use, and none beside the table. */
import assert from 'node:assert/strict';
import {readdirSync, readFileSync} from 'node:fs';
import {test} from 'node:test';
import {load} from './scripts.mjs';

const dd = load('texts');
const folder = new URL('../../../dash_devices_nb/client/', import.meta.url);
const scripts = readdirSync(folder)
    .filter(name => name.endsWith('.js') && name !== 'texts.js')
    .map(name => readFileSync(new URL(name, folder), 'utf8'))
    .join('\n');
const places = text => (text.match(/\{\d\}/g) || []).sort().join();

test('each text is there in each language, with the same values', () => {
    for (const [key, texts] of Object.entries(dd.TEXTS)) {
        assert.deepEqual(Object.keys(texts), ['en', 'de'], key);
        assert.ok(texts.en && texts.de, key);
        assert.equal(places(texts.en), places(texts.de), key);
    }
});

test('each text is used, and each used one is there', () => {
    const words = new Set(scripts.match(/'\w+'/g).map(each => each.slice(1, -1)));
    const made = ['soFar', 'soFarOne', 'ended', 'endedOne']; // `${...}One`
    assert.deepEqual(Object.keys(dd.TEXTS).filter(key => !words.has(key) && !made.includes(key)), []);
    const asked = [...scripts.matchAll(/dd\.text\('(\w+)'/g)].map(each => each[1]);
    assert.ok(asked.length > 30);
    assert.deepEqual(asked.filter(key => !(key in dd.TEXTS)), []);
});

test('the language is the wanted one, or the first known of the browser', () => {
    assert.equal(dd.language('de-CH'), 'de');
    assert.equal(dd.language('fr'), 'en');
    dd.speak('de');
    assert.equal(dd.text('holds', '<b>Ada</b> {0}'), '<b>Ada</b> {0} steuert');
    assert.equal(dd.spoken(), 'de');
    dd.speak('en');
    assert.equal(dd.text('tooLarge', 3, 2).slice(0, 40), 'This is too large: 3 MB, and at most 2 M');
});
