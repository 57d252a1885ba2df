// @ts-check
/**
 * The page's WebSocket: it sends the hello, reconnects with growing delays, and numbers its frames.
 *
 * If no WebSocket passes, the page goes on over HTTP (`http-socket.js`) until it is reloaded. A try that fails says nothing
 * of that: the app may be away. So the page then opens a connection over HTTP, and if that comes, it tries the WebSocket once more.
 *
 * The parts of the page's script are plain scripts joined in the order that `app/delivery/routes.py` names; they share the
 * namespace `window.dashDevices`. They are no ES modules, because those run after the renderer, but the store must
 * be observed and `fetch` replaced before the renderer starts.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});

    /** The close codes that pages tell apart, of `close_codes.py`. */
    dd.CLOSE_CODES = {MESSAGE_TOO_BIG: 1009, SERVICE_RESTART: 1012, TRY_AGAIN_LATER: 1013, FORBIDDEN: 4403};
    /** The version of the protocol that this page speaks, `core/protocol/version.py` of the app that served it. */
    dd.PROTOCOL = 1;
    const FIRST_DELAY_MS = 100;
    /** The close code of a connection that was lost, or never came. */
    const LOST = 1006;
    /** After so many failed tries of the WebSocket the page tries HTTP, if it had a WebSocket before. */
    const TRIES = 2;
    /** The delay before the next attempt if the app is full. */
    const FULL_DELAY_MS = 5000;
    const LONGEST_DELAY_MS = 5000;
    const PING_MS = 20000;
    /** How long a pong may take. It grows if a pong has taken longer, as behind a large message on a slow network. */
    const PONG_MS = 10000;
    const LONGEST_PONG_MS = 300000;
    /** The longest time for opening a connection. */
    const LONGEST_OPENING_MS = 20000;
    /** The number of first pings, a second apart: a loading page is too busy to measure the round trip. */
    const FIRST_PINGS = 4;

    /**
     * JSON text without halves of surrogate pairs, as an input event may split an emoji: they are no text that can be sent on.
     * `JSON.stringify` writes a half, and nothing else, as an escape that begins so; an escaped backslash is passed over.
     * @param {string} json
     */
    dd.wellFormed = json =>
        json.includes('\\ud') ? json.replace(/\\\\|\\ud[89a-f][0-9a-f]{2}/g, part => (part === '\\\\' ? part : '\ufffd')) : json;

    /** Whether a text takes more than `most` bytes in UTF-8. @param {string} text @param {number} most */
    dd.tooLong = (text, most) => text.length > most || (text.length * 3 > most && new TextEncoder().encode(text).length > most);

    /** The URL of a WebSocket of this app. @param {string} prefix the page's path @param {string} path below it */
    dd.socketUrl = (prefix, path) => `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}${prefix}${path}`;

    dd.Socket = class Socket {
        /**
         * @param {() => string} url asked anew for each connection
         * @param {{hello: () => Omit<HelloFrame, 't'>, binary: (data: ArrayBuffer) => void, frame: (frame: Received<AppFrame>, text: string) => void, state: (state: string, detail?: string) => void, silent: () => void}} owner
         *     `hello` gives the greeting of each connection, `frame` takes what comes, parsed and as it came, `state` is told
         *     "online", "offline", "full" or "refused", `silent` when a connection was given up of which nothing came.
         */
        constructor(url, owner) {
            this._url = url;
            this._owner = owner;
            /** @type {Carrier|null} */
            this._socket = null;
            /** A connection over HTTP, while the WebSocket is tried once more. @type {HttpCarrier|null} */
            this._spare = null;
            /** How many tries of the WebSocket have failed, one after the other. */
            this._failed = 0;
            /** Whether a WebSocket has opened while the app answers over HTTP. If nothing comes over it, none passes. */
            this._hollow = false;
            /** Whether the page goes on over HTTP. */
            this.overHttp = false;
            this._delay = FIRST_DELAY_MS;
            this._timer = 0;
            /** No connection before this time: the app is full, or refuses this page (Infinity). */
            this._notBefore = 0;
            /** When something arrived last, by `performance.now()`. */
            this.lastHeard = 0;
            /** Whether the app has sent its welcome on this connection. */
            this.greeted = false;
            /** Whether there ever was a connection. */
            this.everGreeted = false;
            /** The round trip in milliseconds, once measured. */
            this.roundTrip = NaN;
            this._pinged = this._pongs = 0;
            this._patience = PONG_MS;
            /** When the connection was begun, by `performance.now()`. */
            this._began = 0;
            /** How much the browser still had to send when that was looked at last, and when that was less than before. */
            this._unsent = this._passed = 0;
            /** How many frames went out on this connection. */
            this._written = 0;
            setInterval(() => this._keepAlive(), 1000);
            window.addEventListener('online', () => this._soon(0));
            window.addEventListener('pagehide', event => event.persisted || this.close());
            window.addEventListener('pageshow', event => event.persisted && this._soon(0));
            document.addEventListener('visibilitychange', () => document.hidden || this._soon(0));
            this._connect();
        }

        _connect() {
            this._timer = 0;
            this._use(this.overHttp ? new dd.HttpSocket(this._url()) : new WebSocket(this._url()));
        }

        /** The WebSocket has failed: see whether the app answers over HTTP. */
        _tryHttp() {
            /** @type {HttpCarrier} */
            const http = new dd.HttpSocket(this._url());
            this._use(http);
            http.onopen = () => {
                if (this._hollow) {
                    this.overHttp = true;
                    this._use(http);
                } else {
                    this._use(new WebSocket(this._url()));
                    this._spare = http;
                }
            };
        }

        /** @param {Carrier} socket a connection that opens, or is open */
        _use(socket) {
            this.greeted = false;
            this._written = this._unsent = 0;
            this._began = performance.now();
            this._socket = socket;
            socket.binaryType = 'arraybuffer';
            const opened = () => {
                this._hollow = this._spare !== null;
                this._dropSpare();
                this.lastHeard = performance.now();
                this._write({t: 'hello', ...this._owner.hello()});
            };
            socket.onopen = opened;
            socket.onmessage = event => {
                if (socket !== this._socket) return;
                this.lastHeard = performance.now();
                if (typeof event.data !== 'string') {
                    this._owner.binary(event.data);
                    return;
                }
                const frame = /** @type {Received<AppFrame>} */ (JSON.parse(event.data));
                frame.size = event.data.length;
                if (frame.t === 'pong') {
                    this.roundTrip = this.lastHeard - this._pinged;
                    this._patience = Math.min(Math.max(PONG_MS, 2 * this.roundTrip), LONGEST_PONG_MS);
                    this._pongs++;
                    return;
                }
                if (frame.t === 'welcome') {
                    this.greeted = this.everGreeted = true;
                    this._failed = 0;
                    this._hollow = false;
                    this._delay = FIRST_DELAY_MS;
                    this._owner.state('online');
                }
                this._owner.frame(frame, event.data);
            };
            socket.onclose = event => {
                if (socket === this._socket) this._lost(event);
            };
            if (socket.readyState === WebSocket.OPEN) opened();
        }

        _dropSpare() {
            if (this._spare) this._spare.close();
            this._spare = null;
        }

        /** @param {{code: number, reason: string}} event */
        _lost(event) {
            const {_socket: socket, _spare: spare} = this;
            const failed = !this.greeted && event.code === LOST && !this.overHttp;
            this._socket = this._spare = null;
            this.greeted = false;
            if (failed && spare) {
                this.overHttp = true;
                if (spare.readyState === WebSocket.OPEN) {
                    this._use(spare);
                    return;
                }
            }
            if (event.code >= 4000) {
                // The app's own word, or that of a hook of the program's: it will not have this page.
                this._notBefore = Infinity;
                this._owner.state('refused', event.reason);
                return;
            }
            if (event.code === dd.CLOSE_CODES.TRY_AGAIN_LATER) {
                const delay = FULL_DELAY_MS * (1 + Math.random());
                this._notBefore = performance.now() + delay;
                this._owner.state('full', event.reason);
                this._soon(delay);
                return;
            }
            const tooBig = event.code === dd.CLOSE_CODES.MESSAGE_TOO_BIG;
            this._owner.state('offline', tooBig ? 'a message was over the size limit' : event.reason);
            // Where one has come before, it is rather the app that is away.
            if (failed && socket instanceof WebSocket && ++this._failed >= (this.everGreeted ? TRIES : 1)) {
                this._tryHttp();
                return;
            }
            if (!(socket instanceof WebSocket)) {
                this._failed = 0;
                this._hollow = false;
            }
            const restarts = event.code === dd.CLOSE_CODES.SERVICE_RESTART;
            this._soon(restarts ? FIRST_DELAY_MS : this._delay * (0.75 + Math.random() / 2));
            this._delay = Math.min(this._delay * 1.7, LONGEST_DELAY_MS);
        }

        /** Connect now, unless there is a connection, or the app has just said that it takes none. */
        retry() {
            this._delay = FIRST_DELAY_MS;
            this._soon(0);
        }

        /** @param {number} delay in milliseconds */
        _soon(delay) {
            // One that is closing counts: its end, which says why, is still to come.
            if ((this._socket && this._socket.readyState !== WebSocket.CLOSED) || this._notBefore === Infinity) return;
            clearTimeout(this._timer);
            this._timer = window.setTimeout(() => this._connect(), Math.max(delay, this._notBefore - performance.now()));
        }

        _keepAlive() {
            const socket = this._socket;
            if (!socket) return;
            const now = performance.now();
            if (socket.readyState === WebSocket.CONNECTING) {
                // A browser waits for minutes: for an answer that the network has lost, too.
                const longest = Math.min(this._patience, LONGEST_OPENING_MS);
                if (now - this._began > longest && !document.hidden) this._giveUp('there is no answer');
                return;
            }
            if (socket.readyState !== WebSocket.OPEN) return;
            // Data that is being sent, however slowly, is a sign of life.
            if (socket.bufferedAmount < this._unsent) this._passed = now;
            this._unsent = socket.bufferedAmount;
            const alive = Math.max(this.lastHeard, this._passed);
            const silent = this._pinged > alive;
            if (silent && now - this._pinged > this._patience && !document.hidden) {
                this._patience = Math.min(2 * this._patience, LONGEST_PONG_MS);
                this._giveUp('the app does not answer');
            } else if ((this._pongs < FIRST_PINGS && !silent) || now - this._pinged > PING_MS) {
                this._ping();
            }
        }

        /** Give up a silent connection, and reconnect. @param {string} reason */
        _giveUp(reason) {
            const socket = this._socket;
            if (!socket) return;
            socket.onopen = socket.onclose = null;
            socket.close();
            this._lost({code: LOST, reason});
            this._owner.silent();
        }

        /** Send a ping with the last round trip, in milliseconds. */
        _ping() {
            this._pinged = performance.now();
            this.send({t: 'ping', ...(Number.isNaN(this.roundTrip) ? {} : {rtt: Math.round(this.roundTrip * 100) / 100})});
        }

        /** Send a frame. Returns its number on this connection, or false if there is none now. @param {PageFrame} frame */
        send(frame) {
            return this.greeted && this._write(frame);
        }

        /** @param {PageFrame} frame */
        _write(frame) {
            if (!this._socket || this._socket.readyState !== WebSocket.OPEN) return false;
            this._socket.send(dd.wellFormed(JSON.stringify(frame)));
            return ++this._written;
        }

        close() {
            this._dropSpare();
            if (this._socket) {
                this._socket.onclose = null;
                this._write({t: 'bye'});
                this._socket.close(1000, 'the page is left');
                this._socket = null;
                this.greeted = false;
            }
        }
    };
})();
