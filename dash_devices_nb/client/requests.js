// @ts-check
/**
 * Dash's requests: `fetch` is replaced, and the renderer's requests to Dash's four routes go over the socket (or over HTTP, if
 * the services say so).
 *
 * A callback without output acts. It is only requested if a person acted, or the program pushed a prop that no shared callback
 * uses: a change of a shared prop must not act on a device once for each page.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const LAYOUT = '_dash-layout';
    const DEPENDENCIES = '_dash-dependencies';
    const UPDATE = '_dash-update-component';
    const PATCH = '__dash_patch_update';
    const HASH = '_reload-hash';
    /** The app refuses requests that are too large or too many, with a reason in plain text. */
    const REFUSALS = [413, 429];
    const ROUTES = [LAYOUT, DEPENDENCIES, UPDATE, HASH];
    /** What never comes: the answer to a question that was asked again since. */
    const NEVER = new Promise(() => {});
    /** A callback requested while the server is gone is sent once it is back. After this time the dev tools report it. */
    const NO_ANSWER_MS = 1000;
    const NO_ANSWER = 'Callback failed: the server did not respond.';

    dd.Requests = class Requests {
        /**
         * @param {{prefix: string, update: boolean, other: boolean, socket: string[], most: number, body: number}} settings
         * @param {{send: Send, client: () => Promise<string>, ignored: (names: string[]) => boolean, renderer: any, addresses: any, gone: () => boolean, refuse: (text: string) => void,
         *     layout: (revision: number, tree: any, epoch?: string, own?: number) => void, brings: (tree: any, revision: number) => void,
         *     ask: (frame: RequestFrame, sent: (number: number|false) => void) => void, arrives: (tree: any) => void}} page `ask` sends after the
         *     changes that were made before; `arrives`: what Dash's routes answer, before the renderer has it
         */
        constructor(settings, page) {
            this._settings = settings;
            this._page = page;
            this._number = 0;
            /** Requests that are not answered. @type {Map<number, any>} */
            this._open = new Map();
            /** Predicted answers from the app, by output: the renderer will request them next. @type {Map<string, any>} */
            this._predicted = new Map();
            this.overSocket = new Set(settings.socket);
            /** How often the page has loaded these. The renderer shows the first answer that comes, and wants the newest. @type {{[path: string]: number}} */
            this._loads = {[LAYOUT]: 0, [DEPENDENCIES]: 0};
            /** Whether the app refuses this page's socket: it will never come. */
            this._refused = false;
            this._fetch = window.fetch.bind(window);
            window.fetch = (input, init) => this._fetched(input, init);
            // A stop button (`components/devices.js`): a request of its own, which waits for nothing.
            window.addEventListener('dash-devices-stop', event => {
                const {path, resolve, reject} = /** @type {CustomEvent} */ (event).detail;
                this._stop(path).then(resolve, reject);
            });
        }

        /** @param {string} path */
        async _stop(path) {
            const response = await this._overHttp(this._settings.prefix + path, {method: 'POST'}, path);
            return {status: response.status, text: await response.text()};
        }

        _fetched(input, init) {
            const {prefix, update, other, most, body: longest} = this._settings;
            const url = new URL(typeof input === 'string' ? input : input.url || String(input), location.href);
            if (url.origin !== location.origin || !url.pathname.startsWith(prefix)) return this._fetch(input, init);
            const route = url.pathname.slice(prefix.length);
            if (!ROUTES.includes(route)) return this._fetch(input, init);
            if (route in this._loads) {
                this._loads[route] += 1;
                for (const [number, {path}] of this._open) if (path === route) this._open.delete(number);
            }
            const text = route === UPDATE && init && typeof init.body === 'string' ? dd.wellFormed(init.body) : '';
            if (text) init = {...init, body: text};
            const body = text ? JSON.parse(text) : undefined;
            const cause = body ? this._page.renderer.causeOf(body.changedPropIds || []) : null;
            const renderer = this._page.renderer;
            const acts = body && !hasOutput(body) && !cause.person;
            const push = (acts && (cause.push || cause.own)) || null;
            if (acts && !push && !(cause.initial && renderer.callsAtLoad(body.output))) return Promise.resolve(new Answer(204, '', {}));
            if (body && !push && this._page.ignored(body.changedPropIds || [])) return Promise.resolve(new Answer(204, '', {}));
            const predicted = body && this._takePrediction(body);
            if (predicted) this._unpack(predicted.b);
            if (predicted) return Promise.resolve(new Answer(predicted.s, predicted.b, this._page.renderer, cause));
            if (dd.tooLong(text, longest)) return Promise.resolve(this._tooLarge(text.length, longest));
            if (this._refused) return this._fallBack({body, input, init, path: route});
            const wanted = route === UPDATE ? update || push || this.overSocket.has(body && body.output) : other;
            if (!wanted || dd.tooLong(text, most / 2)) return this._overHttp(input, init, route);
            // The dev tools detect a missing server by a failed fetch, and retry by themselves.
            if (route === HASH && this._page.gone()) return Promise.reject(noServer());
            return new Promise((resolve, reject) => {
                const number = ++this._number;
                const request = {number, path: route, query: url.search, body, cause, input, init, resolve, reject, sent: false, push};
                this._open.set(number, request);
                this._ask(request);
            });
        }

        /** Refuse a request that the app would not accept, and tell the person at once. */
        _tooLarge(size, most) {
            const mb = bytes => (bytes / 2 ** 20).toFixed(bytes < 2 ** 24 ? 1 : 0);
            const told = dd.text('tooLarge', mb(size), mb(most));
            this._page.refuse(told);
            return new Answer(413, told, {});
        }

        /** The answer that came along, if this is the question that the app foresaw. */
        _takePrediction(body) {
            const predicted = this._predicted.get(body.output);
            this._predicted.delete(body.output);
            return predicted && JSON.stringify(predicted.k) === JSON.stringify(question(body)) ? predicted : null;
        }

        _ask(request) {
            const {number: n, path, query, body, cause} = request;
            const push = request.push && {c: request.push, w: request.push === cause.push ? 'pushed' : 'own'};
            const why = push || {c: cause ? dd.causeFrame(cause) : undefined};
            this._page.ask({t: 'req', n, path, query, body, ...why}, number => {
                request.frame = number;
                request.sent = !!number || request.sent;
                if (!request.sent && this._page.gone()) setTimeout(() => this._warnIfUnsent(request), NO_ANSWER_MS);
            });
        }

        _warnIfUnsent(request) {
            if (this._open.has(request.number) && !request.sent) this._page.renderer.showError(NO_ANSWER, '');
        }

        /** The connection is lost. */
        offline() {
            for (const [number, request] of this._open) {
                if (request.path !== HASH) continue;
                this._open.delete(number);
                request.reject(noServer());
            }
        }

        /** The app could not read a frame: if it carried a request, that has failed. @param {number} f */
        unread(f) {
            for (const [number, request] of this._open)
                if (request.frame === f) {
                    this._open.delete(number);
                    request.resolve(new Answer(400, 'The app could not read this request.', {}));
                }
        }

        /**
         * There is a connection again.
         * @param {boolean} resumed as the same client @param {number} n the last request it had
         * @param {boolean} anew to an app that has started since: the page loads its layout, and calls what is called then
         * @returns {Map<string, string[]>} `anew`: what a person has asked for meanwhile, by output, with the props that changed
         */
        reconnected(resumed, n, anew) {
            /** @type {Map<string, string[]>} */
            const later = new Map();
            for (const [number, request] of [...this._open]) {
                const {path, body, sent, cause} = request;
                request.frame = 0; // a number of the connection before
                if (anew && !sent && path === UPDATE && hasOutput(body)) {
                    // An answer now would be for the layout that goes.
                    this._open.delete(number);
                    if (cause.person) later.set(body.output, [...(later.get(body.output) || []), ...(body.changedPropIds || [])]);
                    request.resolve(new Answer(204, '', {}));
                } else if (resumed ? number > n : !sent || path !== UPDATE) this._ask(request);
                else if (!resumed) this._lost(request, anew);
            }
            return later;
        }

        /**
         * An answer will not come. What a person asked for may act, and is not repeated without being asked for. What only shows
         * something, as at the start of a page, is asked again: nobody would do it, and the page would stay empty.
         */
        _lost(request, anew) {
            const asked = request.cause && request.cause.person;
            if (!asked && !request.push && !anew && !request.again && hasOutput(request.body)) {
                request.again = true; // once: its answer may be what ends the connection
                this._ask(request);
                return;
            }
            this._open.delete(request.number);
            if (asked || request.push || !anew) this._page.refuse(dd.text('lost'));
            request.resolve(new Answer(503, 'the connection was lost', {}));
        }

        /** There is no socket to be had: ask over HTTP. */
        withoutSocket() {
            for (const [number, request] of this._open) {
                this._open.delete(number);
                this._fallBack(request).then(request.resolve, request.reject);
            }
        }

        /** The program's guards refuse this page the socket; over HTTP there are others. */
        refused() {
            this._refused = true;
            this.withoutSocket();
        }

        /** Ask over HTTP what can be asked so. @param {any} request */
        async _fallBack({body, input, init, path}) {
            if (this._refused && body && this.overSocket.has(body.output)) return new Answer(403, dd.text('needsConnection'), {});
            return this._overHttp(input, init, path);
        }

        async _overHttp(input, init, route) {
            const load = this._loads[route];
            const client = await this._page.client();
            const headers = client ? {...(init && init.headers), 'X-Dash-Devices-Client': client} : init && init.headers;
            const response = await this._fetch(input, {...init, headers});
            if (REFUSALS.includes(response.status)) this._page.refuse(await response.clone().text());
            if (load !== this._loads[route]) return NEVER;
            if (route === UPDATE && response.status === 200) {
                const text = await response.clone().text();
                if (text.includes(PATCH)) this._unpack(JSON.parse(text));
            }
            const {addresses} = this._page;
            const complete = await (addresses ? addresses.completeAnswer(response, 3) : response);
            if (route !== LAYOUT && route !== UPDATE) return complete;
            const json = complete.json.bind(complete);
            complete.json = async () => {
                const body = await json();
                if (load !== this._loads[route]) return NEVER;
                this._page.arrives(body);
                const said = name => response.headers.get(`X-Dash-Devices-${name}`);
                const own = said('Own') === null ? undefined : Number(said('Own'));
                if (route === LAYOUT) this._page.layout(Number(said('Revision')), body, said('Epoch') || '', own);
                return body;
            };
            return complete;
        }

        /** An answer has come over the socket. */
        async answered(frame) {
            const request = this._open.get(frame.n);
            if (!request) return;
            this._open.delete(frame.n);
            if (request.path === LAYOUT || frame.r) this._page.arrives(frame.b);
            for (const each of frame.ch || []) this._predicted.set(each.o, each);
            if (request.path === LAYOUT) this._page.layout(frame.r, frame.b, undefined, frame.own);
            else if (frame.r) this._page.brings(frame.b, frame.r);
            if (frame.ck) await this._fetch(`${this._settings.prefix}_dash-devices/cookies/${frame.ck}`);
            if (request.path === UPDATE) this._unpack(frame.b);
            request.resolve(new Answer(frame.s, frame.b, this._page.renderer, request.cause));
        }

        /** The renderer is about to apply an answer. @param {any} answer */
        _unpack(answer) {
            for (const part of ['response', 'sideUpdate']) this._page.renderer.unpackFor((answer && answer[part]) || {});
        }
    };

    function noServer() {
        return new TypeError('The app does not answer');
    }

    /** What is asked, as the app foresees it. */
    function question(body) {
        const items = [...(body.inputs || []), ...(body.state || [])].filter(item => !Array.isArray(item));
        const values = items.map(({id, property, value}) => [id, property, value === undefined ? null : value]);
        return [values, [...(body.changedPropIds || [])].sort()];
    }

    function hasOutput(body) {
        return Array.isArray(body.outputs) ? body.outputs.length > 0 : Boolean(body.outputs);
    }

    /** What the renderer reads of a `Response`. */
    class Answer {
        /** @param {number} status @param {any} body @param {any} renderer @param {any} [cause] */
        constructor(status, body, renderer, cause) {
            this.status = status;
            this.ok = status >= 200 && status < 300;
            this._body = body;
            this._renderer = renderer;
            this._cause = cause;
            this.headers = {get: name => (name.toLowerCase() === 'content-type' ? 'application/json' : null)};
        }

        async json() {
            this._renderer.answering = this._cause;
            setTimeout(() => {
                if (this._renderer.answering === this._cause) this._renderer.answering = null;
            }, 0);
            return this._body;
        }

        async text() {
            return typeof this._body === 'string' ? this._body : JSON.stringify(this._body);
        }
    }
})();
