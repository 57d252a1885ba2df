// @ts-check
/**
 * Props that components set by themselves although the app decides them: the browser's memory, and the clock.
 *
 * A browser keeps a `dcc.Store`'s data, and typed values if `persistence` is set. The app's value is newer, so it takes
 * precedence. The clock of a shared `dcc.Interval` runs in the app, whatever the number of pages. Both components are
 * wrapped through their `setProps`.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const NAMESPACE = 'dash_core_components';
    /** The prefix of the renderer's keys in the browser's storages: `id.prop.persistence` follows. */
    const PERSISTED = '_dash_persistence.';

    /**
     * @param {{shared: (id: string, prop: string) => boolean, restoring: (action: () => void) => void}} page `restoring` runs
     *     an action whose changes come from the browser's memory
     */
    dd.keepToTheApp = page => {
        const all = window[NAMESPACE];
        if (!all || all.dashDevices) return;
        // Not in place: the exports of a bundle are read-only.
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
        const Wrapped = props =>
            window.React.createElement(Stock, {...props, setProps: props.setProps && (changes => setProps(props, changes))});
        Object.defineProperty(ours, name, {value: Object.assign(Wrapped, Stock, {displayName: name}), enumerable: true});
    }

    /**
     * Keep the renderer from restoring shared props: remove them, in place, from the persisted props of a tree's components.
     * @param {any} tree @param {(id: string, prop: string) => boolean} shared
     */
    dd.stopPersisting = (tree, shared) => {
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
        for (const each of Object.values(tree)) dd.stopPersisting(each, shared);
    };

    /**
     * A layout is reloaded in place, with this page's own values laid over it. The renderer takes that for another layout and drops
     * the persisted values of these props, which would then be lost with the page.
     * @param {{[id: string]: {[prop: string]: any}}} own the values that are this page's own
     * @returns {() => void} restores the values that the renderer has dropped
     */
    dd.keepPersisted = own => {
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

    /** A browser that refuses storage to a page throws on access. */
    function storages() {
        try {
            return [window.localStorage, window.sessionStorage];
        } catch {
            return [];
        }
    }
})();
