// @ts-check
/**
 * Components that this page declares to exist: those with pattern ids that only pages know, for example from a clientside callback.
 *
 * The app accepts changes of components that it has sent, and of those that a page has declared. A component is declared at
 * its first change, and released when it is gone.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const LOOK_MS = 1000;

    dd.DeclaredComponents = class DeclaredComponents {
        /** @param {{has: (id: string) => boolean, send: Send}} page */
        constructor(page) {
            this._page = page;
            /** @type {Set<string>} */
            this._declared = new Set();
            this._timer = 0;
        }

        /** A change of this component is about to be sent. @param {string} id */
        changing(id) {
            if (!id.startsWith('{') || this._declared.has(id)) return;
            this._declared.add(id);
            this._page.send({t: 'here', ids: [id]});
            if (!this._timer) this._timer = window.setInterval(() => this._release(), LOOK_MS);
        }

        /** The app does not know this page any more. */
        newSession() {
            if (this._declared.size) this._page.send({t: 'here', ids: [...this._declared]});
        }

        _release() {
            const gone = [...this._declared].filter(id => !this._page.has(id));
            if (!gone.length || !this._page.send({t: 'here', gone})) return;
            for (const id of gone) this._declared.delete(id);
            if (this._declared.size) return;
            clearInterval(this._timer);
            this._timer = 0;
        }
    };
})();
