// @ts-check
/**
 * Changes that a component makes in place. AG Grid writes an edited cell into the row that it was given, and only reports that a
 * cell was edited. The store then has the new value without any change event.
 *
 * Before a person acts in a component, the values of its shared props are saved as text, once for each value. When the component
 * reports anything, the differences are sent to the app as paths, so that several people can edit different rows. Stock Dash's
 * own components are left out: their changes in place are not for others (a graph writes a person's zoom into its figure).
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const OWN_WAYS = ['dash_core_components', 'dash_html_components', 'dash_table'];

    dd.InPlace = class InPlace {
        /** @param {(id: string, prop: string) => boolean} shared */
        constructor(shared) {
            this._shared = shared;
            /** The saved texts of values. @type {WeakMap<object, string>} */
            this._texts = new WeakMap();
            /** Edits that the app has not acknowledged, by "id\nprop". @type {Map<string, any[]>} */
            this._sent = new Map();
        }

        /** Save a component's values, because a person is about to act in it. @param {string} id @param {any} node */
        before(id, node) {
            for (const [, value] of this._values(id, node)) if (!this._texts.has(value)) this.note(value);
        }

        /** @param {any} value */
        note(value) {
            if (value !== null && typeof value === 'object') this._texts.set(value, JSON.stringify(value));
        }

        /** Whether a value is saved. @param {any} value */
        noted(value) {
            return value !== null && typeof value === 'object' && this._texts.has(value);
        }

        *_values(id, node) {
            if (OWN_WAYS.includes(node.namespace)) return;
            for (const prop in node.props) {
                const value = node.props[prop];
                if (value !== null && typeof value === 'object' && this._shared(id, prop)) yield [prop, value];
            }
        }

        /**
         * Find what a component has changed in place since its values were saved.
         * @param {string} id @param {any} node @param {object} told the reported props
         * @returns {{[prop: string]: [any[], any][]}}
         */
        edits(id, node, told) {
            /** @type {{[prop: string]: [any[], any][]}} */
            const found = {};
            for (const [prop, value] of this._values(id, node)) {
                const before = this._texts.get(value);
                if (prop in told || before === undefined) continue;
                const now = JSON.stringify(value);
                if (now === before) continue;
                this._texts.set(value, now);
                found[prop] = [...differences(JSON.parse(before), JSON.parse(now), [])];
            }
            return found;
        }

        /** Record edits that were sent. @param {string} id @param {string} prop @param {[any[], any][]} edits */
        sent(id, prop, edits) {
            const key = `${id}\n${prop}`;
            this._sent.set(key, [...(this._sent.get(key) || []), JSON.stringify(edits)]);
        }

        /**
         * Whether operations are this page's own edits, which come back in the common order and change nothing here.
         * @param {string} id @param {string} prop @param {any} value as the page has it @param {any} patch
         */
        confirms(id, prop, value, patch) {
            const key = `${id}\n${prop}`;
            const sent = this._sent.get(key);
            if (!sent) return false;
            const edits = patch.operations.map(({location, params}) => [location, params && params.value]);
            const at = sent.indexOf(JSON.stringify(edits));
            if (at < 0) return false;
            sent.splice(at, 1);
            if (!sent.length) this._sent.delete(key);
            const there = location => location.reduce((inner, step) => (inner === null || inner === undefined ? inner : inner[step]), value);
            return edits.every(([location, wanted]) => JSON.stringify(there(location)) === JSON.stringify(wanted));
        }

        /** Forget sent edits: on another connection they do not come back. */
        clear() {
            this._sent.clear();
        }
    };

    /** The differences of two values: paths and new values. @returns {Generator<[any[], any]>} */
    function* differences(before, now, path) {
        if (before === now) return;
        const [old, fresh] = [plural(before), plural(now)];
        const same = old && old === fresh && Object.keys(before).every(key => key in now);
        if (!same || (old === 'list' && before.length !== now.length)) {
            yield [path, now];
            return;
        }
        for (const key in now) {
            const step = old === 'list' ? Number(key) : key;
            if (key in before) yield* differences(before[key], now[key], [...path, step]);
            else yield [[...path, step], now[key]];
        }
    }

    function plural(value) {
        if (value === null || typeof value !== 'object') return '';
        return Array.isArray(value) ? 'list' : 'object';
    }
})();
