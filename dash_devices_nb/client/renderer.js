// @ts-check
/**
 * The one file that touches the internals of Dash's renderer. Each assumption has a test in `tests/client/`.
 *
 * - The renderer pushes its redux store onto `window.dash_stores`.
 * - `state.layoutHashes[path.join(',')]` is replaced at each change of a component's props, with `changedProps` and
 *   `renderType`: "internal" for a change by the component, "callback" by a callback, "clientsideApi" by `set_props`.
 * - A component's `setProps` dispatches a function, which dispatches `ON_PROP_CHANGE` with `renderType` "internal"; its
 *   `props` are then the `changedProps` of that path.
 * - `ON_PROP_CHANGE` sets props and calls no callback. A record on the executed queue sets props as a callback's answer
 *   does: callbacks with these inputs are called, and new components get their initial calls.
 * - While a callback's answer is applied, its record is in `state.callbacks.executed`.
 * - Each component dispatches `RESET_COMPONENT_STATE` when it is first shown (since Dash 4.5: shown again), through
 *   `store.dispatch`. Like `store.subscribe`, that is looked up at each use, after the store was pushed.
 * - The `return` of an element's fiber (`__reactFiber$...`) leads to the fibers of the components around it, also out of a
 *   portal. A component's props are its `memoizedProps`, with `id` and `setProps`.
 * - `SET_GRAPHS` with `reset`, then `dependenciesRequest`, replaces the callbacks. `RELOAD` loads layout and callbacks again.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    /** How the renderer marks a prop that has changed, in a call. */
    const CHANGED = 2;

    dd.Renderer = class Renderer {
        /**
         * @param {{changed: (id: string, props: object, cause: any) => void, edited: (id: string, edits: object, cause: any) => void,
         *     hydrated: () => void, refused: (text: string) => void, shared: any, missed: any, watched: any}} owner `changed`
         *     is called with each change that did not come through `apply`. Its cause is one of
         *     {person: true}; {initial: true}; {restored: true}: the browser had stored the value;
         *     {by: [id, prop, revision]}: another change led to it; with `push`, one that was pushed to all and is not shared;
         *     {own: [id, prop, number]}: a push to this page only led to it, in the frame with that number.
         *     With `said`, a component answered that change. `chain`: the callbacks that led to it. `given`: the app set it for all.
         */
        constructor(owner) {
            this._owner = owner;
            this._store = null;
            this._hashes = null;
            /** The props of a change that was reported before the renderer made it. @type {object|null} */
            this._told = null;
            this._applying = false;
            this._hydrated = false;
            /** Who changed a prop last, by "id.prop". @type {Map<string, any>} */
            this._causes = new Map();
            /** The cause of the answer that is being processed, for its `set_props` and `running`. */
            this.answering = null;
            this._images = new dd.Images(this);
            /** The outputs of callbacks to call once the renderer has them. @type {string[]} */
            this._again = [];
            this._graphs = this._paths = null;
            this._events = new dd.Events(this, text => owner.refused(text));
            this._acts = new dd.Acts(id => this._acting(id), componentsAround);
            this._inPlace = new dd.InPlace((id, prop) => this._owner.shared.has(id, prop));
            /** The listeners of the store. @type {any} */
            this._listeners = null;
            // What a page adds to a graph by itself goes the way of what the app adds: dcc.Graph may draw it twice.
            window.addEventListener('dash-devices-extend', event => {
                const {id, value} = /** @type {CustomEvent} */ (event).detail;
                if (value) this._events.add(id, 'extendData', value);
                else this._events.forget(id, 'figure');
            });
            const stores = (window.dash_stores = window.dash_stores || []);
            stores.push = (...added) => {
                const length = Array.prototype.push.apply(stores, added);
                added.forEach(store => this._observe(store));
                return length;
            };
        }

        _observe(store) {
            this._store = store;
            this._hashes = store.getState().layoutHashes;
            this.keepToTheApp();
            store.subscribe(() => this._look());
            const late = action => action.type === 'RESET_COMPONENT_STATE';
            this._listeners = new dd.StoreListeners(store, late, action => this._dispatched(action));
        }

        /** A component changes its props. Send that before the renderer handles it, which takes longer than the network. */
        _dispatched({type, payload}) {
            if (type !== 'ON_PROP_CHANGE' || payload.renderType !== 'internal' || this._applying || !this._hashes) return;
            this._told = payload.props;
            this._changed(this._store.getState(), payload.itempath.join(','), {...payload, changedProps: payload.props});
        }

        _look() {
            const state = this._store.getState();
            const hashes = state.layoutHashes;
            const before = this._hashes;
            if (hashes !== before) {
                this._hashes = hashes;
                if (!this._applying && before) {
                    for (const path in hashes) {
                        if (hashes[path] !== before[path] && hashes[path].changedProps !== this._told)
                            this._changed(state, path, hashes[path]);
                    }
                }
            }
            if (this._again.length && state.graphs && !state.graphs.reset && state.graphs !== this._graphs) this._callAgain(state);
            if (state.graphs !== this._graphs || state.paths !== this._paths) this._owner.watched.look();
            this._graphs = state.graphs;
            if (state.paths !== this._paths) {
                this._images.again();
                this._owner.missed.request();
            }
            this._paths = state.paths;
            const hydrated = state.appLifecycle === 'HYDRATED';
            if (hydrated !== this._hydrated) {
                this._hydrated = hydrated;
                if (hydrated) this._owner.hydrated();
            }
        }

        _changed(state, path, change) {
            let node = state.layout;
            for (const step of path.split(',')) node = node && node[step];
            const id = node && node.props && node.props.id;
            if (id === undefined || !change.changedProps) return;
            const name = dd.stringifyId(id);
            if (change.renderType === 'internal') {
                let last;
                for (const [cause, props] of this._acts.causesOf(name, node, change.changedProps)) {
                    this._tell(name, props, cause);
                    last = cause;
                }
                const edits = this._inPlace.edits(name, node, change.changedProps);
                for (const prop in edits) this._causes.set(`${name}.${prop}`, last);
                this._owner.edited(name, edits, last);
                return;
            }
            const cause = change.renderType === 'callback' ? this._causeOfAnswer(state, name) : {person: true};
            this._changedByApp(name, change.changedProps, cause);
            this._tell(name, change.changedProps, cause);
        }

        _tell(name, props, cause) {
            for (const prop in props) {
                this._causes.set(`${name}.${prop}`, cause);
                this._images.replaced(name, prop);
            }
            this._owner.changed(name, props, cause);
        }

        /** A person begins to act, perhaps in a component. */
        _acting(id) {
            const node = this._store && this._hydrated && this.node(id);
            if (node) this._inPlace.before(id, node);
        }

        /** Whether an event is being handled that other events may follow in the same task of the browser. */
        get goesOn() {
            return this._acts.goesOn;
        }

        /** Edits of values in place have been sent. @param {string} id @param {string} prop @param {[any[], any][]} edits */
        sentEdits(id, prop, edits) {
            this._inPlace.sent(id, prop, edits);
        }

        /** The app, or a callback of this page, has set props, perhaps with new components. */
        _changedByApp(name, props, cause) {
            this._acts.changed(name, cause);
            for (const prop in props)
                if (holdsComponents(props[prop])) for (const each of dd.idsIn(props[prop])) this._acts.changed(each, cause);
        }

        /** The causes of changes that the program has named. @param {[any, string, string][]} rules */
        rule(rules) {
            this._acts.rule(rules);
        }

        /** Make components that restore values from the browser use the app's values. */
        keepToTheApp() {
            dd.keepToTheApp({
                shared: (id, prop) => this._owner.shared.keeps(id, prop),
                restoring: action => this._acts.restoring(action)
            });
        }

        _causeOfAnswer(state, name) {
            const record = state.callbacks.executed.find(
                each => each.executionResult && each.executionResult.data && name in each.executionResult.data
            );
            if (record) {
                const chain = [...(record.predecessors || []), record.callback];
                return {...this.causeOf(Object.keys(record.changedPropIds)), chain};
            }
            return this.answering || {person: true};
        }

        /**
         * The cause of a callback's call with these changed props. `through`: the prop by which a person on this page caused it.
         * @param {string[]} names "id.prop"
         */
        causeOf(names) {
            let newest = null;
            let push = null;
            let own = null;
            let restored = null;
            for (const name of names) {
                const cause = this._causes.get(name);
                const at = name.lastIndexOf('.');
                if (!cause || cause.person) return {person: true, through: [name.slice(0, at), name.slice(at + 1)]};
                if (cause.by && (!newest || cause.by[2] > newest[2])) newest = cause.by;
                if (cause.push && !cause.said && (!push || cause.push[2] > push[2])) push = cause.push;
                if (cause.own && !cause.said && (!own || cause.own[2] > own[2])) own = cause.own;
                if (cause.restored) restored = cause;
            }
            if (newest) return {by: newest, ...(push && {push}), ...(own && {own})};
            return own ? {initial: true, own} : restored || {initial: true};
        }

        /** Whether a callback is called when the page loads. @param {string} output */
        callsAtLoad(output) {
            const callbacks = this._store.getState().graphs.callbacks || [];
            return callbacks.some(each => each.output === output && !each.prevent_initial_call);
        }

        get hydrated() {
            return this._hydrated;
        }

        get config() {
            return this._store ? this._store.getState().config || {} : {};
        }

        /** The props of a component in this page, or null. @param {string} id */
        props(id) {
            const node = this.node(id);
            return node ? node.props : null;
        }

        /** A component of this page: its type, namespace and props; or null. @param {string} id */
        node(id) {
            const path = this._path(id);
            let node = path && this._store.getState().layout;
            for (const step of path || []) node = node && node[step];
            return node || null;
        }

        /** Set a prop without calling callbacks. @param {string} id @param {string} prop @param {any} value */
        setQuietly(id, prop, value) {
            const path = this._path(id);
            if (!path) return;
            this._acts.changed(id, {initial: true});
            this.quietly(() => this._set(path, {[prop]: value}));
        }

        /**
         * Before the renderer applies these: unpack the arrays of figures that a `Patch` changes.
         * @param {{[id: string]: {[prop: string]: any}}} mods
         */
        unpackFor(mods) {
            for (const id in mods)
                for (const prop in mods[id]) {
                    if (!dd.isPatch(mods[id][prop])) continue;
                    const value = (this.props(id) || {})[prop];
                    const unpacked = dd.unpackedFor(value, mods[id][prop]);
                    if (unpacked !== value) this.setQuietly(id, prop, unpacked);
                }
        }

        _path(id) {
            const {strs, objs} = this._store.getState().paths || {strs: {}, objs: {}};
            if (!id.startsWith('{')) return strs[id] || null;
            const values = JSON.parse(id);
            const keys = Object.keys(values).sort();
            const found = (objs[keys.join(',')] || []).find(each => keys.every((key, n) => each.values[n] === values[key]));
            return found ? found.path : strs[id] || null;
        }

        /** The ids of the components in this page whose ids are dicts. */
        patternIds() {
            const {objs} = this._store.getState().paths || {objs: {}};
            return Object.entries(objs).flatMap(([names, all]) => all.map(({values}) => dd.stringifyId(joined(names.split(','), values))));
        }

        /** The ids, without dicts, that are input or state of a callback of this page: of one with an output here, or with none. */
        usedIds() {
            const {graphs, paths} = this._store.getState();
            const here = ({id}) => typeof id !== 'string' || paths.strs[id];
            const callbacks = (graphs.callbacks || []).filter(each => each.no_output || !each.outputs.length || each.outputs.some(here));
            return callbacks.flatMap(each => [...each.inputs, ...each.state]).flatMap(({id}) => (typeof id === 'string' ? [id] : []));
        }

        _heard(id, prop) {
            const {inputMap, inputPatterns} = this._store.getState().graphs || {};
            if (!id.startsWith('{')) return Boolean(inputMap && inputMap[id] && inputMap[id][prop]);
            const patterns = inputPatterns && inputPatterns[Object.keys(JSON.parse(id)).sort().join(',')];
            return Boolean(patterns && patterns[prop]);
        }

        /**
         * Set props that came from the app.
         * @param {{[id: string]: {[prop: string]: any}}} mods
         * @param {number} [revision] the revision of the shared state, if all pages get them
         * @param {number} [number] the number of the frame, if only this page gets them. Without both, they undo changes of this
         *     page. Then the callbacks that led to those changes are not called: a circle of callbacks would never end.
         */
        apply(mods, revision, number) {
            /** @type {{[id: string]: any}} */
            const heard = {};
            const silent = [];
            const chain = [];
            for (const id in mods) {
                for (const prop in mods[id]) this._images.replaced(id, prop);
                const path = this._path(id);
                if (!path) {
                    if (revision) this._owner.missed.add(id, revision);
                    continue;
                }
                const old = this.props(id) || {};
                const props = {};
                const unchanged = {};
                let tell = false;
                let acted = false;
                for (const prop in mods[id]) {
                    let value = mods[id][prop];
                    if (dd.isEvent(prop, value)) {
                        this._events.add(id, prop, value);
                        continue;
                    }
                    if (!dd.isPatch(value)) this._events.forget(id, prop);
                    if (holdsComponents(value)) {
                        if (revision) this._owner.missed.arriving(value, revision);
                        dd.stopPersisting(value, (each, name) => this._owner.shared.keeps(each, name));
                    }
                    const noted = this._inPlace.noted(old[prop]);
                    // A person may have edited it already; the component reports that only after this value has replaced it.
                    if (noted) {
                        const edits = this._inPlace.edits(id, this.node(id), {});
                        this._owner.edited(id, edits, {person: true});
                        acted = acted || Object.keys(edits).length > 0;
                    }
                    if (dd.isPatch(value)) {
                        if (this._inPlace.confirms(id, prop, old[prop], value)) continue;
                        try {
                            value = dd.applyPatch(old[prop], value);
                        } catch (error) {
                            this._owner.refused(dd.text('patch', `${id}.${prop}`, /** @type {Error} */ (error).message));
                            continue;
                        }
                    }
                    const was = this._causes.get(`${id}.${prop}`);
                    const before = revision || number ? [] : (was || {}).chain || [];
                    chain.push(...before);
                    // A Patch may be applied to this page's own value.
                    const given = Boolean(revision && !(dd.isPatch(mods[id][prop]) && was && !was.given));
                    const cause = {...this._causeOfPush(id, prop, revision, number), given, chain: before};
                    this._causes.set(`${id}.${prop}`, cause);
                    if (noted) this._inPlace.note(value);
                    const told = this._heard(id, prop);
                    const brings = holdsComponents(value) || holdsComponents(old[prop]);
                    // Set it again, as the component may show something else, but call nothing.
                    if (told && !brings && dd.same(old[prop], value)) unchanged[prop] = value;
                    else props[prop] = value;
                    tell = tell || (prop in props && (told || brings));
                }
                const [first] = [...Object.keys(props), ...Object.keys(unchanged)];
                if (first) this._changedByApp(id, {...props, ...unchanged}, this._causeOfPush(id, first, revision, number));
                if (acted) this._acts.acted(id);
                if (Object.keys(unchanged).length) silent.push([path, unchanged]);
                if (tell) heard[id] = props;
                else if (Object.keys(props).length) silent.push([path, props]);
            }
            this._applying = true;
            try {
                this._listeners.together(() => {
                    for (const [itempath, props] of silent) this._set(itempath, props);
                    if (Object.keys(heard).length) this._answer(heard, chain);
                });
            } finally {
                this._applying = false;
                this._hashes = this._store.getState().layoutHashes;
            }
        }

        /** The cause of a change that came from the app. */
        _causeOfPush(id, prop, revision, number) {
            const place = [id, prop, revision || number];
            if (!revision) return {pushed: true, own: place};
            return this._owner.shared.has(id, prop) ? {by: place} : {by: place, push: place};
        }

        _set(itempath, props) {
            this._store.dispatch({
                type: 'ON_PROP_CHANGE',
                payload: {itempath, props, renderType: 'clientsideApi', source: 'response'}
            });
        }

        /** Apply props as the answer of an undeclared callback. These callbacks led to it. */
        _answer(data, predecessors = []) {
            const callback = {output: 'dash-devices', outputs: [], inputs: [], state: [], no_output: true};
            const nothing = () => [];
            this._store.dispatch({
                type: 'Callbacks.AddExecuted',
                payload: [
                    {
                        callback,
                        changedPropIds: {},
                        getOutputs: nothing,
                        getInputs: nothing,
                        getState: nothing,
                        predecessors,
                        executionResult: {data, payload: {outputs: []}}
                    }
                ]
            });
        }

        /**
         * Show an image that arrived as bytes.
         * @param {ImageHeader} header
         * @param {Uint8Array} bytes
         * @param {(count?: number, lacks?: 'key' | 'images') => void} shown called when the page is ready for the next image
         */
        showImage(header, bytes, shown) {
            this._images.show(header, bytes, shown);
        }

        /** Components that replace others do not show the last images any more. */
        forgetImages() {
            this._images.forget();
        }

        /** Another layout is there: show the images in it that the page has shown. */
        showImagesAgain() {
            this._images.again();
        }

        /** Run an action whose changes are not a person's. @param {() => void} action */
        quietly(action) {
            const before = this._applying;
            this._applying = true;
            try {
                action();
            } finally {
                this._applying = before;
                this._hashes = this._store.getState().layoutHashes;
            }
        }

        /**
         * Replace the page's callbacks, and keep all values.
         * @param {object[]} content
         * @param {string[]} again the outputs of new callbacks, which are called as when a page loads
         */
        setDependencies(content, again) {
            this._again = again;
            const {graphs} = this._store.getState();
            this._store.dispatch({type: 'SET_GRAPHS', payload: {...graphs, reset: true}});
            this._store.dispatch({type: 'dependenciesRequest', payload: {status: 200, content}});
        }

        _callAgain(state) {
            const wanted = new Set(this._again);
            this._again = [];
            const requested = this._calls(state, cb => wanted.has(cb.output) && !cb.prevent_initial_call, {}, true);
            if (requested.length) this._store.dispatch({type: 'Callbacks.AddRequested', payload: requested});
        }

        /**
         * Call callbacks of this page, as these changes call them.
         * @param {Map<string, string[]>} changed by output, "id.prop" of the inputs that have changed
         * @returns {boolean} whether all can be called: they are still there, with these inputs
         */
        callFor(changed) {
            const state = this._store.getState();
            let all = true;
            for (const [output, names] of changed) {
                const has = cb => names.every(name => cb.inputs.some(({id, property}) => `${id}.${property}` === name));
                const props = Object.fromEntries(names.map(name => [name, CHANGED]));
                const requested = this._calls(state, cb => cb.output === output && has(cb), props, false);
                if (requested.length) this._store.dispatch({type: 'Callbacks.AddRequested', payload: requested});
                else all = false;
            }
            return all;
        }

        /** What the renderer calls callbacks by, of those whose components are here and have no dicts for ids. */
        _calls(state, wanted, changedPropIds, initialCall) {
            const plain = dep => typeof dep.id === 'string';
            const there = dep => state.paths.strs[dep.id];
            const at = deps => paths =>
                deps.map(({id, property}) => (paths.strs[id] ? [{id, property, path: paths.strs[id]}] : []));
            return (state.graphs.callbacks || [])
                .filter(wanted)
                .filter(cb => [...cb.outputs, ...cb.inputs, ...cb.state].every(plain))
                .filter(cb => (cb.no_output ? cb.inputs.every(there) : cb.outputs.some(there)))
                .map(callback => ({
                    callback,
                    anyVals: '',
                    resolvedId: callback.output,
                    getOutputs: at(callback.outputs),
                    getInputs: at(callback.inputs),
                    getState: at(callback.state),
                    changedPropIds,
                    initialCall,
                    priority: '0'
                }));
        }

        /**
         * The values that the person and this page's own callbacks have set.
         * @param {(id: string, prop: string) => boolean} own
         */
        ownValues(own) {
            /** @type {{[id: string]: any}} */
            const values = {};
            for (const [key, cause] of this._causes) {
                if (cause.given) continue;
                const at = key.lastIndexOf('.');
                const [id, prop] = [key.slice(0, at), key.slice(at + 1)];
                const props = this._store && this.props(id);
                if (props && prop in props && own(id, prop)) values[id] = {...values[id], [prop]: props[prop]};
            }
            return values;
        }

        /** Load layout and callbacks again, without navigation. */
        reload() {
            if (!this._store) return;
            this._events.clear();
            this._acts.clear();
            dd.keepFocus();
            this._store.dispatch({type: 'RELOAD'});
        }

        /** Show an error in Dash's dev tools, if they are there. */
        showError(message, html) {
            if (this._store && this.config.ui) {
                this._store.dispatch({type: 'ON_ERROR', payload: {type: 'backEnd', error: {message, html}}});
                return true;
            }
            return false;
        }
    };

    /** Put values into the components of a layout, in place. @param {any} node @param {{[id: string]: object}} values */
    dd.overlay = (node, values) => {
        if (Array.isArray(node)) node.forEach(each => dd.overlay(each, values));
        else if (node && typeof node === 'object') {
            if (node.props && node.type && node.props.id !== undefined)
                Object.assign(node.props, values[dd.stringifyId(node.props.id)]);
            Object.values(node).forEach(each => dd.overlay(each, values));
        }
    };

    /** The property under which React keeps the fiber of an element, once that is known. */
    let fiberName = '';

    /** The ids of the components around the first of these nodes that React has made. @param {any[]} path */
    function* componentsAround(path) {
        let fiber;
        for (const node of path) {
            if (!(node instanceof Element)) continue;
            if (!(fiberName in node)) fiberName = Object.keys(node).find(name => name.startsWith('__reactFiber$')) || fiberName;
            if ((fiber = node[fiberName])) break;
        }
        for (; fiber; fiber = fiber.return) {
            const {id, setProps} = fiber.memoizedProps || {};
            if (typeof setProps === 'function' && id !== undefined && id !== null) yield dd.stringifyId(id);
        }
    }

    function joined(keys, values) {
        return Object.fromEntries(keys.map((key, number) => [key, values[number]]));
    }

    /** @param {any} value */
    function holdsComponents(value) {
        if (value === null || typeof value !== 'object') return false;
        if (Array.isArray(value)) return value.some(holdsComponents);
        if (value.props && value.type && value.namespace) return true;
        return false;
    }

    /** The canonical text of an id. @param {string|object} id */
    dd.stringifyId = id =>
        typeof id !== 'object'
            ? String(id)
            : `{${Object.keys(id)
                  .sort()
                  .map(key => `${JSON.stringify(key)}:${JSON.stringify(id[key])}`)
                  .join(',')}}`;
})();
