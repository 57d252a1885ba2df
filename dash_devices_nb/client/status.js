// @ts-check
/**
 * Show the kernel's state if it delays the page. The Jupyter server sends it over a separate WebSocket, which works while the
 * kernel does not.
 *
 * The app says what a busy kernel delays: "all" if the kernel's loop serves the page, or "coroutines" if a thread does and
 * only coroutine callbacks need that loop.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const FIRST_DELAY_MS = 250;
    const LONGEST_DELAY_MS = 10000;
    /** How long a connection may take to open. */
    const OPENING_MS = 20000;
    /** Shorter cells are not shown. */
    const SHORT_MS = 150;
    /** How often a page asks that goes on over HTTP (`http-socket.js`). */
    const ASK_MS = 5000;

    /** The states from which the app does not come back by itself. */
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
            if (this._bridge.socket.overHttp) {
                this._ask();
                return;
            }
            const socket = (this._socket = new WebSocket(dd.socketUrl(this._settings.prefix, '_dash-devices/status')));
            setTimeout(() => socket === this._socket && socket.readyState === WebSocket.CONNECTING && this.renew(), OPENING_MS);
            socket.onmessage = event => {
                this._delay = FIRST_DELAY_MS;
                this._heard(JSON.parse(event.data));
            };
            socket.onclose = event => {
                this._socket = null;
                this._enter('', performance.now());
                if (event.code === dd.CLOSE_CODES.FORBIDDEN) return; // the share link has ended, which the app says as well
                this._soon(this._delay * (0.75 + Math.random() / 2));
                this._delay = Math.min(this._delay * 1.7, LONGEST_DELAY_MS);
            };
        }

        /** Ask for the state now, and again later. */
        async _ask() {
            let known = {state: '', since: 0, now: 0};
            try {
                const response = await window.fetch(`${this._settings.prefix}_dash-devices/status`, {cache: 'no-store'});
                if (response.status === 403) return; // the share link has ended, which the app says as well
                if (response.ok) known = await response.json();
            } catch {
                // There is no way to the Jupyter server, which the page says as well.
            }
            if (known.state !== this._state) this._heard(known);
            this._soon(ASK_MS);
        }

        /** Reconnect: the connection may be dead. */
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

        /** Show the current state. Call it when the app says again what a busy kernel delays. */
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

        /** @param {number} seconds how long the state has lasted */
        _text(seconds) {
            const {holds, coroutines, stopped, guest} = this._bridge.app;
            // Only the notebook's owner can do something about it.
            if (guest && GONE.has(this._state)) return dd.text('guestGone');
            switch (this._state) {
                case 'busy':
                    if (holds === 'all') return dd.text('busyAll', seconds);
                    if (coroutines) return dd.text('busyCoroutines', seconds);
                    return '';
                case 'starting':
                    return dd.text('starting');
                case 'restarting':
                    return dd.text('restarting');
                case 'dead':
                    return dd.text('dead');
                case 'unregistered':
                    if (stopped) return dd.text('stopped');
                    return dd.text('unregistered');
                default:
                    return '';
            }
        }
    };
})();
