/** The texts of the page's scripts and of the app's sentences: whole in each language, all in use, none beside the table. */
import assert from 'node:assert/strict';
import {readdirSync, readFileSync} from 'node:fs';
import {test} from 'node:test';
import {load} from './scripts.mjs';

const dd = load('texts');
const folder = new URL('../../../dash_devices_nb/client/', import.meta.url);
const scripts = [
    ...readdirSync(folder).filter(name => name.endsWith('.js') && name !== 'texts.js'),
    '../components/devices.js'
].map(name => readFileSync(new URL(name, folder), 'utf8')).join('\n');
const places = text => (text.match(/\{\d\}/g) || []).sort().join();

test('each text is there in each language, with the same values', () => {
    for (const [key, texts] of Object.entries(dd.TEXTS)) {
        assert.deepEqual(Object.keys(texts), ['en', 'de'], key);
        assert.ok(texts.en && texts.de, key);
        assert.equal(places(texts.en), places(texts.de), key);
    }
});

test('each text is used, and each used one is there', () => {
    const words = new Set(scripts.match(/(['"])\w+\1/g).map(each => each.slice(1, -1)));
    const made = ['soFar', 'soFarOne', 'ended', 'endedOne']; // `${...}One`
    assert.deepEqual(Object.keys(dd.TEXTS).filter(key => !words.has(key) && !made.includes(key)), []);
    const asked = [...scripts.matchAll(/(?:dd\.text|\bsay)\(['"](\w+)['"]/g)].map(each => each[1]);
    assert.ok(asked.length > 90);
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

const sentences = [...dd.SENTENCES.devices, ...dd.SENTENCES.notices];
const filled = text => text.replace(/\{(\d)\}/g, (_, at) => `<value ${at}>`);

test('each sentence of the app has the same values in each language, and is the first that fits itself', () => {
    dd.speak('de');
    for (const {en, de} of sentences) {
        assert.equal(places(en), places(de), en);
        const kind = dd.SENTENCES.notices.some(each => each.en === en) ? 'notices' : 'devices';
        assert.equal(dd.said(filled(en), kind), filled(de));
    }
    dd.speak('en');
});

test('what the app says is said in the language, and what it quotes stays', () => {
    const text = 'lamp/level takes a number from 0 to 10 V, not 99';
    assert.equal(dd.said(text), text);
    dd.speak('de');
    assert.equal(dd.said(text), 'lamp/level nimmt eine Zahl von 0 bis 10 V, nicht 99');
    assert.equal(dd.said('3 set; a was not set: its 9 bytes are more than 8'), '3 gesetzt; a wurde nicht gesetzt: seine 9 Bytes sind mehr als 8');
    assert.equal(dd.said('OSError: no such port'), 'OSError: no such port');
    assert.equal(dd.said('You may not change knob.value: Ada has control.', 'notices'), 'Du darfst knob.value nicht ändern: Ada steuert.');
    assert.equal(dd.said('The table is set', 'notices'), 'The table is set', 'a notice of the program is in its language');
    assert.equal(dd.said(null), null);
    dd.speak('en');
});
