// @ts-check
/**
 * The listeners of a redux store, told once of what comes together.
 *
 * Dash's renderer has a listener for each component, and dispatches by itself once for each component that is shown
 * first: n components cost n² calls (seen with Dash 4.4.1: of ten seconds for 2,000 components nine). Those listeners
 * only look whether the state that they show is another one, so they may as well look when all of it is there.
 *
 * Nothing but redux's own interface is used: `dispatch`, also of functions (redux-thunk), and `subscribe`.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});

    /** An action such that `before` is told of each that it leads to; a function dispatches others, functions as well. */
    function telling(action, before) {
        if (typeof action === 'function')
            return (inner, getState) => action(each => inner(telling(each, before)), getState);
        before(action);
        return action;
    }

    dd.Listeners = class Listeners {
        /**
         * @param {any} store listeners that were subscribed before hear of each change as ever
         * @param {(action: any) => boolean} late whether it will do to tell of an action at the end of the current task
         * @param {(action: any) => void} before told of what a component dispatches, before the store acts on it
         */
        constructor(store, late, before) {
            /** @type {Set<{listener: () => void}>} */
            this._all = new Set();
            this._held = 0;
            this._missed = false;
            store.subscribe(() => this._heard());
            store.subscribe = listener => {
                const entry = {listener};
                this._all.add(entry);
                return () => this._all.delete(entry);
            };
            const {dispatch} = store;
            store.dispatch = action => {
                if (typeof action === 'function') return dispatch(telling(action, before));
                if (!late(action)) return dispatch(action);
                this._held += 1;
                try {
                    return dispatch(action);
                } finally {
                    this._held -= 1;
                    queueMicrotask(() => this._catchUp());
                }
            };
        }

        /** Do something and tell of all that it changed when it is done. @param {() => void} action */
        together(action) {
            this._held += 1;
            try {
                action();
            } finally {
                this._held -= 1;
                this._catchUp();
            }
        }

        _catchUp() {
            if (this._missed) this._heard();
        }

        _heard() {
            this._missed = this._held > 0;
            if (this._missed) return;
            for (const {listener} of [...this._all]) listener();
        }
    };
})();
