// @ts-check
/**
 * What a component does by itself where the app has the say: the browser's memory, and the clock.
 *
 * A browser keeps a `dcc.Store`'s data, and what a person typed where `persistence` is set. The app's value is newer, so
 * neither is taken over it. A shared `dcc.Interval` has its clock in the app, whatever the number of pages. Both components
 * are wrapped, by what every component gets: its `setProps`.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const NAMESPACE = 'dash_core_components';
    /** What the renderer's keys in the browser's storages begin with: `id.prop.persistence`. */
    const PERSISTED = '_dash_persistence.';

    /**
     * @param {{shared: (id: string, prop: string) => boolean, restoring: (action: () => void) => void}} page `restoring` does
     *     something whose changes are the browser's memory
     */
    dd.keepToTheApp = page => {
        const all = window[NAMESPACE];
        if (!all || all.dashDevices) return;
        // Not in place: what a bundle exports cannot be set.
        const ours = (window[NAMESPACE] = Object.create(all, {dashDevices: {value: true}}));
        wrap(all, ours, 'Store', (props, changes) => {
            if (!('data' in changes) || 'clear_data' in changes) props.setProps(changes);
            else if (!page.shared(dd.stringifyId(props.id), 'data')) page.restoring(() => props.setProps(changes));
        });
        wrap(all, ours, 'Interval', (props, changes) => {
            if (props.id === undefined || !page.shared(dd.stringifyId(props.id), 'n_intervals')) props.setProps(changes);
        });
    };

    /** @param {any} all @param {any} ours @param {string} name @param {(props: any, changes: any) => void} setProps */
    function wrap(all, ours, name, setProps) {
        const Stock = all[name];
        if (!Stock) return;
        const Kept = props =>
            window.React.createElement(Stock, {...props, setProps: props.setProps && (changes => setProps(props, changes))});
        Object.defineProperty(ours, name, {value: Object.assign(Kept, Stock, {displayName: name}), enumerable: true});
    }

    /**
     * Have the renderer restore no prop that is shared: take it out of what the components of a tree persist, in place.
     * @param {any} tree @param {(id: string, prop: string) => boolean} shared
     */
    dd.persistLess = (tree, shared) => {
        if (tree === null || typeof tree !== 'object') return;
        const {props, type, namespace} = tree;
        if (type && namespace && props && props.persistence && props.id !== undefined) {
            const id = dd.stringifyId(props.id);
            const element = (window[namespace] || {})[type] || {};
            const usual = (element.defaultProps || element.dashPersistence || {}).persisted_props;
            const all = props.persisted_props || usual || [];
            const own = all.filter(prop => !shared(id, prop.split('.')[0]));
            if (own.length < all.length) props.persisted_props = own;
        }
        for (const each of Object.values(tree)) dd.persistLess(each, shared);
    };

    /**
     * A layout is shown anew in place, with what is this page's own laid over it. The renderer takes that for another layout and
     * forgets what it had kept of these props for the layout as it came: that would be gone with the page.
     * @param {{[id: string]: {[prop: string]: any}}} own the values that are this page's own
     * @returns {() => void} puts back what the renderer has forgotten meanwhile
     */
    dd.remembered = own => {
        /** @type {[Storage, string, string][]} */
        const all = [];
        for (const storage of storages())
            for (const key of Object.keys(storage)) {
                const mine = Object.keys(own).some(id =>
                    Object.keys(own[id]).some(prop => key.startsWith(`${PERSISTED}${id}.${prop}.`))
                );
                if (mine) all.push([storage, key, storage[key]]);
            }
        return () => {
            for (const [storage, key, value] of all) if (!(key in storage)) storage.setItem(key, value);
        };
    };

    /** A browser that keeps nothing for a page throws already where one looks. */
    function storages() {
        try {
            return [window.localStorage, window.sessionStorage];
        } catch {
            return [];
        }
    }
})();
