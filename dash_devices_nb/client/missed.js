// @ts-check
/**
 * Changes of shared components that this page has missed because it did not show them.
 *
 * A component in a callback's answer has the values of the time of the answer. A push between that time and the time at which
 * the page shows the component reaches a page without it. So the page records which components have missed changes, and since
 * which revision, and requests those when the components appear.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const MOST = 10000;

    dd.MissedChanges = class MissedChanges {
        /** @param {{has: (id: string) => boolean, send: Send}} page */
        constructor(page) {
            this._page = page;
            /** The revisions of the first and the last change that was missed, by id. @type {Map<string, [number, number]>} */
            this._missed = new Map();
        }

        /** A change has come for a component that is not there. @param {string} id @param {number} revision */
        add(id, revision) {
            const known = this._missed.get(id);
            this._missed.set(id, [known ? known[0] : revision, revision]);
            if (this._missed.size <= MOST) return;
            const [first = ''] = this._missed.keys();
            this._missed.delete(first);
        }

        /** These components are about to come, with the values of a revision. @param {any} tree @param {number} revision */
        arriving(tree, revision) {
            if (!this._missed.size) return;
            for (const id of idsIn(tree)) {
                const [first, last] = this._missed.get(id) || [0, 0];
                if (last <= revision) this._missed.delete(id);
                else this._missed.set(id, [Math.max(first, revision + 1), last]);
            }
        }

        /** Another layout is about to come, or another app. */
        clear() {
            this._missed.clear();
        }

        /** Components have come: ask for what was missed of them. */
        request() {
            /** @type {{[id: string]: number}} */
            const ids = {};
            for (const [id, [first]] of this._missed) if (this._page.has(id)) ids[id] = first;
            if (!Object.keys(ids).length || !this._page.send({t: 'want', ids})) return;
            for (const id in ids) this._missed.delete(id);
        }
    };

    dd.idsIn = idsIn;

    /** The ids of the components in a value. @param {any} node @returns {Generator<string>} */
    function* idsIn(node) {
        if (node === null || typeof node !== 'object') return;
        if (node.props && node.type && node.props.id !== undefined) yield dd.stringifyId(node.props.id);
        for (const each of Object.values(node)) yield* idsIn(each);
    }
})();
