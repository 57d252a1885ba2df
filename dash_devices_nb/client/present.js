// @ts-check
/**
 * What this page declares to be there: components of patterns, whose ids only pages know, as a clientside callback may make them.
 *
 * The app takes changes of what it has brought itself, and of what a page has declared. A component is declared when it first
 * changes, and let go of when it is there no more.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const LOOK_MS = 1000;

    dd.Present = class Present {
        /** @param {{has: (id: string) => boolean, send: (frame: object) => number|false}} page */
        constructor(page) {
            this._page = page;
            /** @type {Set<string>} */
            this._declared = new Set();
            this._timer = 0;
        }

        /** A change of this component is about to be sent. @param {string} id */
        changes(id) {
            if (!id.startsWith('{') || this._declared.has(id)) return;
            this._declared.add(id);
            this._page.send({t: 'here', ids: [id]});
            if (!this._timer) this._timer = window.setInterval(() => this._look(), LOOK_MS);
        }

        /** The app does not know this page any more. */
        again() {
            if (this._declared.size) this._page.send({t: 'here', ids: [...this._declared]});
        }

        _look() {
            const gone = [...this._declared].filter(id => !this._page.has(id));
            if (!gone.length || !this._page.send({t: 'here', gone})) return;
            for (const id of gone) this._declared.delete(id);
            if (this._declared.size) return;
            clearInterval(this._timer);
            this._timer = 0;
        }
    };
})();
