// @ts-check
/**
 * Events: values of which every one counts, as the new points in a graph's `extendData`.
 *
 * dcc.Graph collects the events that come while it loads or draws, and draws all it has collected anew with each that
 * follows, so that points come twice and more (seen with Dash 4.4.1). A graph's events therefore go to Plotly itself, as
 * the graph would hand them over, each when the one before is drawn; those that wait meanwhile are put together.
 *
 * Events of other components go through the store, each when the component has taken the one before: an AG Grid sets its
 * `rowTransaction` back then, any other has been rendered with it a few tasks later. They come marked from the app.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const MOST_WAITING = 1000;
    const LOOK_MS = 50;
    const EVENTS = ['extendData', 'prependData'];
    const MARK = '__dash_devices_event';
    /** Props that a component sets back once it has taken an event. */
    const SET_BACK = new Set(['rowTransaction']);
    /** So many of a component may wait; one that does not take them any more loses them, and the person is told. */
    const MOST_KEPT = 10000;
    const TASKS = 4;
    const LOOKS = 50;
    const TAKEN_MS = 20;
    const LONGEST_MS = 2000;

    /** Whether a value from the app is an event. @param {string} prop @param {any} value */
    dd.isEvent = (prop, value) => EVENTS.includes(prop) || isMarked(value);

    const isMarked = value => value !== null && typeof value === 'object' && MARK in value;

    dd.Events = class Events {
        /**
         * @param {{node: (id: string) => any, setQuietly: (id: string, prop: string, value: any) => void}} renderer
         * @param {(text: string) => void} refused
         */
        constructor(renderer, refused) {
            this._refused = refused;
            this._renderer = renderer;
            /** What waits, by component and prop. @type {Map<string, any[]>} */
            this._queues = new Map();
            /** The graphs that are drawing. @type {Set<string>} */
            this._drawing = new Set();
            /** The props that hold an event which is not taken yet. @type {Set<string>} */
            this._taking = new Set();
            this._timer = 0;
            this._channel = new MessageChannel();
            this._channel.port1.onmessage = () => this._next();
        }

        /** @param {string} id @param {string} prop @param {any} value */
        add(id, prop, value) {
            const key = `${id}\n${prop}`;
            const queue = this._queues.get(key) || [];
            queue.push(isMarked(value) ? value[MARK] : value);
            if (queue.length > MOST_KEPT) {
                queue.length = 0;
                this._refused(`${id} has not taken its last ${MOST_KEPT} events (${prop}); reload the page to see what holds.`);
            }
            this._queues.set(key, EVENTS.includes(prop) && queue.length > MOST_WAITING ? fewer(queue, prop) : queue);
            this._soon();
        }

        /** Forget what waits: the layout is read anew. */
        clear() {
            this._queues.clear();
        }

        /** Forget what waits for a component: a figure, or its rows, come that hold it already. @param {string} id @param {string} prop */
        forget(id, prop) {
            if (prop === 'figure') EVENTS.forEach(event => this._queues.delete(`${id}\n${event}`));
            else if (prop === 'rowData') this._queues.delete(`${id}\nrowTransaction`);
        }

        _soon() {
            this._channel.port2.postMessage(0);
        }

        _next() {
            for (const [key, queue] of this._queues) {
                const [id, prop] = key.split('\n');
                const node = this._renderer.node(id);
                if (!node) this._queues.delete(key);
                else if (isGraph(node)) this._draw(id, prop, queue, key);
                else if (!this._taking.has(key)) this._hand(id, prop, queue.shift(), key);
            }
        }

        async _hand(id, prop, event, key) {
            this._taking.add(key);
            this._renderer.setQuietly(id, prop, event);
            if (SET_BACK.has(prop)) await this._taken(id, prop, event);
            else for (let n = 0; n < TASKS; n++) await task();
            this._taking.delete(key);
            const queue = this._queues.get(key);
            if (queue && queue.length) this._soon();
            else this._queues.delete(key);
        }

        /** Wait until a component has set back the prop that had an event; not for ever: it may not be shown yet, and keep them. */
        async _taken(id, prop, event) {
            const from = performance.now();
            for (let looks = 0; performance.now() - from < LONGEST_MS; looks++) {
                await (looks < LOOKS ? task() : new Promise(resolve => setTimeout(resolve, TAKEN_MS)));
                const node = this._renderer.node(id);
                if (!node || node.props[prop] !== event) return;
            }
        }

        async _draw(id, prop, queue, key) {
            if (this._drawing.has(id)) return;
            const plot = plotOf(id);
            if (!plot) {
                clearTimeout(this._timer);
                this._timer = window.setTimeout(() => this._soon(), LOOK_MS);
                return;
            }
            const [event, ...rest] = prop === 'extendData' ? together(queue) : queue;
            if (rest.length) this._queues.set(key, rest);
            else this._queues.delete(key);
            this._drawing.add(id);
            try {
                await hand(plot, prop, event);
            } catch (error) {
                console.error(`${id}.${prop}:`, error);
            } finally {
                this._drawing.delete(id);
                if (this._queues.size) this._soon();
            }
        }
    };

    const channel = new MessageChannel();
    /** @type {(() => void)[]} */
    const waiting = [];
    channel.port1.onmessage = () => {
        const next = waiting.shift();
        if (next) next();
    };

    /** The next task of the browser, which it does not put off in a hidden page. @returns {Promise<void>} */
    function task() {
        return new Promise(resolve => {
            waiting.push(resolve);
            channel.port2.postMessage(0);
        });
    }

    function isGraph(node) {
        return node.type === 'Graph' && node.namespace === 'dash_core_components';
    }

    /** The element that Plotly has drawn on, or null before it has. @param {string} id */
    function plotOf(id) {
        const element = document.getElementById(id);
        const plot = element && element.querySelector('.js-plotly-plot');
        return plot && /** @type {any} */ (plot).data && !plot.classList.contains('dash-graph--pending') ? plot : null;
    }

    /** The parts of an event, which dcc.Graph takes as [update, traces, most] or as the update alone. */
    function parts(event) {
        const [update, traces, most] = Array.isArray(event) ? event : [event];
        const [first] = Object.values(update);
        return [update, traces || first.map((_, number) => number), most];
    }

    function hand(plot, prop, event) {
        const {Plotly} = /** @type {any} */ (window);
        return (prop === 'extendData' ? Plotly.extendTraces : Plotly.prependTraces)(plot, ...parts(event));
    }

    /** A queue that has become long: new points lie together, of other events the oldest go. */
    function fewer(queue, prop) {
        const shorter = prop === 'extendData' ? together(queue) : queue;
        return shorter.length > MOST_WAITING ? shorter.slice(-MOST_WAITING) : shorter;
    }

    /** Events for the same traces, put together; of the points those stay that the graph keeps. @param {any[]} queue */
    function together(queue) {
        /** @type {any[]} */
        const result = [];
        let before = '';
        for (const event of queue) {
            const [update, traces, most] = parts(event);
            const kind = JSON.stringify([Object.keys(update), traces, most]);
            if (kind === before) {
                const [sum] = result[result.length - 1];
                const kept = points => (typeof most === 'number' && most > 0 ? points.slice(-most) : points);
                for (const key in sum) sum[key] = sum[key].map((points, number) => kept([...points, ...update[key][number]]));
            } else result.push([{...update}, traces, most]);
            before = kind;
        }
        return result;
    }
})();
