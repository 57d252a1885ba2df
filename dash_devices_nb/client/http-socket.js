// @ts-check
/**
 * A WebSocket over HTTP requests, where none passes (`transport/polling.py`). It has what `socket.js` uses of a `WebSocket`.
 *
 * `down` fetches what the app has sent, one request after the other. `up` brings what the page sends, with a number. Of a
 * request that fails nobody knows whether it has arrived: the connection ends, and the page goes on with a new one.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});

    /** The shortest time between two requests that bring something. */
    const PAUSE_MS = 50;
    /** A request brings at most so many characters, or one message, and so many messages. */
    const MOST = 100000;
    const TOGETHER = 500;
    /** Requests of up to so many bytes are sent even if the page is left. Browsers allow 64 kB at a time. */
    const KEPT_ALIVE = 30000;
    /** How often a request is repeated that the server has refused because there were too many. */
    const REPEATS = 10;
    const TOO_MANY = 429;
    const FULL = [TOO_MANY, 503];
    /** Of RFC 6455, section 5.2: kinds of frames. */
    const TEXT = 1;
    const BINARY = 2;
    const CLOSE = 8;
    const WHOLE = 0x80;
    /** The name of a connection. Anything else is an answer of somebody who stands between. */
    const NAME = /^[\w-]{20,90}$/;
    const LOST = {code: 1006, reason: ''};

    dd.HttpSocket = class HttpSocket {
        /** @param {string} url that of the WebSocket for which it stands */
        constructor(url) {
            this.readyState = /** @type {number} */ (WebSocket.CONNECTING);
            this.binaryType = 'arraybuffer';
            /** How much there is to send, in characters. */
            this.bufferedAmount = 0;
            /** @type {(() => void)|null} */
            this.onopen = null;
            /** @type {((event: {data: any}) => void)|null} */
            this.onmessage = null;
            /** @type {((event: {code: number, reason: string}) => void)|null} */
            this.onclose = null;
            this._folder = url.replace(/^ws/, 'http').replace(/ws$/, 'http/');
            this._id = '';
            this._downs = this._ups = 0;
            /** @type {string[]} */
            this._waiting = [];
            this._sending = false;
            this._fetching = new AbortController();
            this._open();
        }

        /** @param {string} text */
        send(text) {
            this._waiting.push(text);
            this.bufferedAmount += text.length;
            if (!this._sending) this._send();
        }

        /** Close it. What waits is still sent. @param {number} [code] @param {string} [reason] */
        close(code = 1000, reason = '') {
            if (this.readyState === WebSocket.CLOSED) return;
            if (this._id && this._waiting.length) this._ask('up', this._next(this._waiting.splice(0)));
            this._end({code, reason});
        }

        async _open() {
            const answer = await this._ask('open', '');
            if (!answer || this.readyState !== WebSocket.CONNECTING) return;
            const name = new TextDecoder().decode(answer);
            if (!NAME.test(name)) {
                this._read(answer);
                this._end(LOST);
                return;
            }
            this._id = name;
            this.readyState = WebSocket.OPEN;
            if (this.onopen) this.onopen();
            this._fetch();
        }

        async _fetch() {
            while (this.readyState === WebSocket.OPEN) {
                const answer = await this._ask('down', `${this._id} ${++this._downs}`);
                if (answer) this._read(answer);
            }
        }

        async _send() {
            this._sending = true;
            await null; // what is sent in the same task goes together
            while (this.readyState === WebSocket.OPEN && this._waiting.length) {
                const began = performance.now();
                let count = 0;
                let size = 0;
                while (count < Math.min(this._waiting.length, TOGETHER) && (!count || size + this._waiting[count].length <= MOST)) size += this._waiting[count++].length;
                const answer = await this._ask('up', this._next(this._waiting.splice(0, count)));
                this.bufferedAmount -= size;
                if (answer) this._read(answer);
                const left = PAUSE_MS - (performance.now() - began);
                if (left > 0) await pause(left);
            }
            this._sending = false;
        }

        /** The body that brings these messages. @param {string[]} messages */
        _next(messages) {
            return [`${this._id} ${++this._ups}`, ...messages].join('\n');
        }

        /** Ask the app. Gives what it answers, or nothing if the connection has ended. @param {'open'|'down'|'up'} step @param {string} body */
        async _ask(step, body) {
            /** @type {RequestInit} */
            const request = {method: 'POST', body, headers: {'Content-Type': 'text/plain'}, cache: 'no-store', redirect: 'error'};
            if (step === 'up') request.keepalive = !dd.tooLong(body, KEPT_ALIVE);
            else request.signal = this._fetching.signal;
            for (let repeats = 0; ; repeats++) {
                try {
                    const response = await window.fetch(this._folder + step, request);
                    if (response.ok) return new Uint8Array(await response.arrayBuffer());
                    if (step === 'open' && FULL.includes(response.status)) {
                        this._end({code: dd.CLOSE_CODES.TRY_AGAIN_LATER, reason: ''});
                        return null;
                    }
                    if (response.status !== TOO_MANY || repeats >= REPEATS) break;
                    await pause(1000 * (Number(response.headers.get('Retry-After')) || 1) * (1 + Math.random()));
                } catch {
                    break;
                }
            }
            this._end(LOST);
            return null;
        }

        /** Take frames as a server writes them to a WebSocket. @param {Uint8Array} bytes */
        _read(bytes) {
            const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
            let at = 0;
            while (at < bytes.length && this.readyState !== WebSocket.CLOSED) {
                if (at + 2 > bytes.length || (bytes[at] & 0xf0) !== WHOLE) return this._end(LOST);
                const short = bytes[at + 1];
                const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
                if (start > bytes.length) return this._end(LOST);
                const length = short < 126 ? short : short === 126 ? view.getUint16(at + 2) : Number(view.getBigUint64(at + 2));
                if (start + length > bytes.length) return this._end(LOST);
                const kind = bytes[at] & 0x0f;
                at = start + length;
                if (kind === CLOSE) {
                    const reason = new TextDecoder().decode(bytes.subarray(start + 2, at));
                    return this._end(length < 2 ? LOST : {code: view.getUint16(start), reason});
                }
                if (!this.onmessage) continue;
                if (kind === TEXT) this.onmessage({data: new TextDecoder().decode(bytes.subarray(start, at))});
                else if (kind === BINARY) this.onmessage({data: bytes.slice(start, at).buffer});
            }
        }

        /** @param {{code: number, reason: string}} event */
        _end(event) {
            if (this.readyState === WebSocket.CLOSED) return;
            this.readyState = WebSocket.CLOSED;
            this._fetching.abort();
            setTimeout(() => this.onclose && this.onclose(event));
        }
    };

    /** @param {number} milliseconds */
    function pause(milliseconds) {
        return new Promise(resolve => setTimeout(resolve, milliseconds));
    }
})();
