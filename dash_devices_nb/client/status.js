// @ts-check
/**
 * Says what the kernel does, where that holds the page up: the Jupyter server tells it over a WebSocket of its own, which
 * speaks while the kernel cannot.
 *
 * What a busy kernel holds up is the app's to say: "all" if it serves the page itself, or "coroutines" if a thread does
 * and only coroutine callbacks need the kernel's own loop.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const FIRST_DELAY_MS = 250;
    const LONGEST_DELAY_MS = 10000;
    /** So long it may take that a connection is made. */
    const OPENING_MS = 20000;
    /** A cell that is shorter is not worth a word. */
    const SHORT_MS = 150;

    /** The states in which the app does not come back by itself. */
    const GONE = new Set(['dead', 'unregistered']);

    dd.Status = class Status {
        /** @param {any} bridge @param {{prefix: string, jupyter: boolean}} settings */
        constructor(bridge, settings) {
            this._bridge = bridge;
            this._settings = settings;
            /** @type {WebSocket|null} */
            this._socket = null;
            this._delay = FIRST_DELAY_MS;
            this._retry = 0;
            this._state = '';
            /** When the state began, by this page's clock. */
            this._since = 0;
            this._tick = 0;
            window.addEventListener('online', () => this._soon(0));
            window.addEventListener('pageshow', event => event.persisted && this._soon(0));
            this._connect();
        }

        _connect() {
            const socket = (this._socket = new WebSocket(dd.socketUrl(this._settings.prefix, '_dash-devices/status')));
            setTimeout(() => socket === this._socket && socket.readyState === WebSocket.CONNECTING && this.renew(), OPENING_MS);
            socket.onmessage = event => {
                this._delay = FIRST_DELAY_MS;
                this._heard(JSON.parse(event.data));
            };
            socket.onclose = event => {
                this._socket = null;
                this._enter('', performance.now());
                if (event.code === dd.CLOSE_CODES.FORBIDDEN) return; // the share link has ended, which the app says, too
                this._soon(this._delay * (0.75 + Math.random() / 2));
                this._delay = Math.min(this._delay * 1.7, LONGEST_DELAY_MS);
            };
        }

        /** Connect anew: by the connection that there is nothing may come any more. */
        renew() {
            const socket = this._socket;
            if (!socket) return;
            socket.onmessage = socket.onclose = null;
            socket.close();
            this._socket = null;
            this._enter('', performance.now());
            this._soon(0);
        }

        /** @param {number} delay in milliseconds */
        _soon(delay) {
            if (this._socket) return;
            clearTimeout(this._retry);
            this._retry = window.setTimeout(() => this._socket || this._connect(), delay);
        }

        /** @param {{state: string, since: number, now: number}} message its times are in seconds */
        _heard({state, since, now}) {
            this._enter(state, performance.now() - Math.max(0, now - since) * 1000);
            if (state === 'idle' || state === 'busy') this._bridge.socket.retry();
        }

        _enter(state, since) {
            this._state = state;
            this._since = since;
            this.show();
        }

        /** Say what holds now. Call it when the app says anew what a busy kernel holds up. */
        show() {
            clearTimeout(this._tick);
            const lasts = performance.now() - this._since;
            const short = this._state === 'busy' && lasts < SHORT_MS;
            const text = short ? '' : this._text(Math.floor(lasts / 1000));
            const level = GONE.has(this._state) && !this._bridge.app.guest ? 'error' : '';
            this._bridge.notices.state('kernel', text, level);
            if (this._state === 'busy') {
                const next = short ? SHORT_MS - lasts : 1000 - (lasts % 1000);
                this._tick = window.setTimeout(() => this.show(), next);
            }
        }

        /** @param {number} seconds how long the state lasts already */
        _text(seconds) {
            const {holds, coroutines, stopped, guest} = this._bridge.app;
            // What is to be done about it, only whose notebook it is can do.
            if (guest && GONE.has(this._state)) return 'The app does not run now: this page goes on when it does';
            switch (this._state) {
                case 'busy':
                    if (holds === 'all') return `The kernel is busy since ${seconds} s: this page waits for it`;
                    if (coroutines) return `The kernel is busy since ${seconds} s: coroutine callbacks wait for it`;
                    return '';
                case 'starting':
                    return 'The kernel is starting…';
                case 'restarting':
                    return 'The kernel is restarting…';
                case 'dead':
                    return 'The kernel has died';
                case 'unregistered':
                    if (stopped) return 'The app has been stopped: run its notebook again';
                    return 'The app has not been run since the restart: run its notebook again';
                default:
                    return '';
            }
        }
    };
})();
