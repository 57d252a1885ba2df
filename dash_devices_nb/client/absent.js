// @ts-check
/**
 * What this page has missed of shared components that it does not show.
 *
 * A component that a callback brings has the values of the moment in which the app answered; what is pushed to it between
 * then and the moment in which the page shows it comes to a page that does not have it. So the page remembers of which
 * components it has missed something, and since which revision, and asks for that when they come.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const MOST = 10000;

    dd.Absent = class Absent {
        /** @param {{has: (id: string) => boolean, send: (frame: object) => boolean}} page */
        constructor(page) {
            this._page = page;
            /** The revisions of the first and the last change that was missed, by id. @type {Map<string, [number, number]>} */
            this._missed = new Map();
        }

        /** A change has come for a component that is not there. @param {string} id @param {number} revision */
        missed(id, revision) {
            const known = this._missed.get(id);
            this._missed.set(id, [known ? known[0] : revision, revision]);
            if (this._missed.size <= MOST) return;
            const [first = ''] = this._missed.keys();
            this._missed.delete(first);
        }

        /** These components are about to come, with the values of a revision. @param {any} tree @param {number} revision */
        brings(tree, revision) {
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
        look() {
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
