// @ts-check
/**
 * The listeners of a redux store, notified once for changes that belong together.
 *
 * Dash's renderer has a listener for each component, and dispatches once for each new component: n components cost n² calls
 * (seen with Dash 4.4.1: nine of the ten seconds that 2,000 components take). These listeners only compare the state that they
 * show, so they can do that once, when all changes are made.
 *
 * Only redux's interface is used: `dispatch`, also of functions (redux-thunk), and `subscribe`.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});

    /** Wrap an action so that `before` is called for every plain action that it dispatches. Functions may dispatch functions. */
    function observed(action, before) {
        if (typeof action === 'function')
            return (inner, getState) => action(each => inner(observed(each, before)), getState);
        before(action);
        return action;
    }

    dd.StoreListeners = class StoreListeners {
        /**
         * @param {any} store earlier listeners are notified of each change as usual
         * @param {(action: any) => boolean} late whether listeners may hear of an action at the end of the current task
         * @param {(action: any) => void} before called for what a component dispatches, before the store handles it
         */
        constructor(store, late, before) {
            /** @type {Set<{listener: () => void}>} */
            this._all = new Set();
            this._paused = 0;
            this._pending = false;
            store.subscribe(() => this._notify());
            store.subscribe = listener => {
                const entry = {listener};
                this._all.add(entry);
                return () => this._all.delete(entry);
            };
            const {dispatch} = store;
            store.dispatch = action => {
                if (typeof action === 'function') return dispatch(observed(action, before));
                if (!late(action)) return dispatch(action);
                this._paused += 1;
                try {
                    return dispatch(action);
                } finally {
                    this._paused -= 1;
                    queueMicrotask(() => this._notifyPending());
                }
            };
        }

        /** Run an action and notify listeners once afterwards. @param {() => void} action */
        together(action) {
            this._paused += 1;
            try {
                action();
            } finally {
                this._paused -= 1;
                this._notifyPending();
            }
        }

        _notifyPending() {
            if (this._pending) this._notify();
        }

        _notify() {
            this._pending = this._paused > 0;
            if (this._pending) return;
            for (const {listener} of [...this._all]) listener();
        }
    };
})();
