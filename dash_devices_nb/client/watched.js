// @ts-check
/**
 * The components on demand that this page shows: the app sends the changes of those, and of no others.
 *
 * Until the page has said so for the first time it gets all changes. Of a component that it did not show for a while it has
 * old values, so it says from which revision on it lacks changes. After a lost connection it says that again, as the answer may
 * have been lost.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});

    /** Views and callbacks that come and go together are told together. */
    const SOON_MS = 50;

    dd.Watched = class Watched {
        /** @param {{send: Send, revision: () => number, used: () => string[]}} page `used`: the ids that its callbacks read */
        constructor(page) {
            this._page = page;
            /** What its views show. Null: it has none. @type {string[]|null} */
            this._views = null;
            /** What the app was told. Null: nothing yet. @type {Set<string>|null} */
            this._shown = null;
            this._timer = 0;
            /** The revision at which a component was last hidden, or the layout came. @type {Map<string, number>} */
            this._hidden = new Map();
            this._layout = 0;
            window.addEventListener('dash-devices-watch', event => {
                this._views = /** @type {CustomEvent} */ (event).detail.ids;
                this.look();
            });
        }

        /** The views or the callbacks of the page may have changed. */
        look() {
            if (this._views && !this._timer) this._timer = window.setTimeout(() => this._compare(), SOON_MS);
        }

        _compare() {
            this._timer = 0;
            const shown = new Set([...(this._views || []), ...this._page.used()]);
            const before = this._shown;
            if (before && before.size === shown.size && [...shown].every(id => before.has(id))) return;
            if (before) {
                for (const id of before) if (!shown.has(id)) this._hidden.set(id, this._page.revision());
                for (const id of shown) if (!before.has(id) && !this._hidden.has(id)) this._hidden.set(id, this._layout);
            } else this._layout = Math.max(this._layout, this._page.revision());
            this._shown = shown;
            this._say();
        }

        /** A layout has come, with all values of a revision. @param {number} revision */
        laidOut(revision) {
            this._layout = revision;
            this._hidden.clear();
        }

        /** The app has greeted this page, which may be a new one to it. */
        welcomed() {
            if (this._shown) this._say();
        }

        _say() {
            const ids = Object.fromEntries([...(this._shown || [])].map(id => [id, this._hidden.get(id) ?? null]));
            this._page.send({t: 'watch', ids});
        }
    };
})();
