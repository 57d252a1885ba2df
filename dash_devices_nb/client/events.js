// @ts-check
/**
 * Events: values that must all arrive, such as the new points in a graph's `extendData`.
 *
 * dcc.Graph collects the events that arrive while it loads or draws, and draws its whole collection again with each later
 * event, so points appear twice or more (seen with Dash 4.4.1). Therefore a graph's events go directly to Plotly, as the
 * graph would pass them, each when the previous one is drawn. Waiting events are merged.
 *
 * Events of other components go through the store, each when the component has taken the previous one: an AG Grid then resets
 * its `rowTransaction`; any other component has rendered it a few tasks later. The app marks these events.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const MOST_WAITING = 1000;
    const LOOK_MS = 50;
    const EVENTS = ['extendData', 'prependData'];
    const MARK = '__dash_devices_event';
    /** Props that a component resets once it has taken an event. */
    const SET_BACK = new Set(['rowTransaction']);
    /** The most events that may wait for a component. One that takes none loses them, and the person is told. */
    const MOST_KEPT = 10000;
    const TASKS = 4;
    const LOOKS = 50;
    const TAKEN_MS = 20;
    const LONGEST_MS = 2000;

    const isMarked = value => value !== null && typeof value === 'object' && MARK in value;

    /** Whether a value from the app is an event. @param {string} prop @param {any} value */
    dd.isEvent = (prop, value) => EVENTS.includes(prop) || isMarked(value);

    dd.Events = class Events {
        /**
         * @param {{node: (id: string) => any, setQuietly: (id: string, prop: string, value: any) => void}} renderer
         * @param {(text: string) => void} refused
         */
        constructor(renderer, refused) {
            this._refused = refused;
            this._renderer = renderer;
            /** Waiting events, by component and prop. @type {Map<string, any[]>} */
            this._queues = new Map();
            /** The graphs that are drawing. @type {Set<string>} */
            this._drawing = new Set();
            /** The props with an event that is not taken yet. @type {Set<string>} */
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
            this._schedule();
        }

        /** Drop all waiting events: the layout is loaded again. */
        clear() {
            this._queues.clear();
        }

        /** Drop a component's waiting events: a new figure, or new rows, include them. @param {string} id @param {string} prop */
        forget(id, prop) {
            if (prop === 'figure') EVENTS.forEach(event => this._queues.delete(`${id}\n${event}`));
            else if (prop === 'rowData') this._queues.delete(`${id}\nrowTransaction`);
            else if (prop === 'lines') this._queues.delete(`${id}\naddLines`);
        }

        _schedule() {
            this._channel.port2.postMessage(0);
        }

        _next() {
            for (const [key, queue] of this._queues) {
                const [id, prop] = key.split('\n');
                const node = this._renderer.node(id);
                if (!node) this._queues.delete(key);
                else if (isGraph(node)) this._draw(id, prop, queue, key);
                else if (!this._taking.has(key)) this._deliver(id, prop, queue.shift(), key);
            }
        }

        async _deliver(id, prop, event, key) {
            this._taking.add(key);
            this._renderer.setQuietly(id, prop, event);
            if (SET_BACK.has(prop)) await this._taken(id, prop, event);
            else for (let n = 0; n < TASKS; n++) await task();
            this._taking.delete(key);
            const queue = this._queues.get(key);
            if (queue && queue.length) this._schedule();
            else this._queues.delete(key);
        }

        /** Wait until a component has reset the prop of an event, for a limited time: a component that is not shown yet keeps it. */
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
                this._timer = window.setTimeout(() => this._schedule(), LOOK_MS);
                return;
            }
            const [event, ...rest] = prop === 'extendData' ? together(queue) : queue;
            if (rest.length) this._queues.set(key, rest);
            else this._queues.delete(key);
            this._drawing.add(id);
            try {
                await extend(plot, prop, event);
            } catch (error) {
                console.error(`${id}.${prop}:`, error);
            } finally {
                this._drawing.delete(id);
                if (this._queues.size) this._schedule();
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

    /** Wait for the browser's next task, which is not delayed in a hidden page. @returns {Promise<void>} */
    function task() {
        return new Promise(resolve => {
            waiting.push(resolve);
            channel.port2.postMessage(0);
        });
    }

    function isGraph(node) {
        return node.type === 'Graph' && node.namespace === 'dash_core_components';
    }

    /** The element that Plotly has drawn on; null before that. @param {string} id */
    function plotOf(id) {
        const element = document.getElementById(id);
        const plot = element && element.querySelector('.js-plotly-plot');
        return plot && /** @type {any} */ (plot).data && !plot.classList.contains('dash-graph--pending') ? plot : null;
    }

    /** The parts of an event. dcc.Graph accepts [update, traces, most] or only the update. */
    function parts(event) {
        const [update, traces, most] = Array.isArray(event) ? event : [event];
        const [first] = Object.values(update);
        return [update, traces || first.map((_, number) => number), most];
    }

    function extend(plot, prop, event) {
        const {Plotly} = /** @type {any} */ (window);
        return (prop === 'extendData' ? Plotly.extendTraces : Plotly.prependTraces)(plot, ...parts(event));
    }

    /** Shorten a long queue: merge new points, and drop the oldest of other events. */
    function fewer(queue, prop) {
        const shorter = prop === 'extendData' ? together(queue) : queue;
        return shorter.length > MOST_WAITING ? shorter.slice(-MOST_WAITING) : shorter;
    }

    /** Merge events for the same traces, up to the number of points that the graph keeps. @param {any[]} queue */
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
