// @ts-check
/**
 * Between the renderer and the app: changes of shared props go out and come in, and Dash's requests travel over the socket.
 *
 * A change of this page is *pending* until the app has acknowledged it. Meanwhile others' changes of that prop are not
 * applied: the app put them in order before ours, which is what holds in the end. What was not acknowledged is sent
 * again after a lost connection.
 */
(function () {
    'use strict';
    const dd = (window.dashDevices = window.dashDevices || {});
    const ROUTES = ['_dash-layout', '_dash-dependencies', '_dash-update-component', '_reload-hash'];
    const UPDATE = '_dash-update-component';
    const SAY_BYTES = 64 * 1024;
    const PATIENCE_MS = 5000;
    const STOPPED = 'The app stopped';

    dd.Bridge = class Bridge {
        /** @param {{prefix: string, update: boolean, other: boolean, socket: string[], most: number}} settings */
        constructor(settings) {
            this._settings = settings;
            this._overSocket = new Set(settings.socket);
            this.notices = new dd.Notices();
            this.renderer = new dd.Renderer(this);
            /** What the app says of itself: what a busy kernel holds up, whether it has coroutine callbacks, or has stopped. */
            this.app = {holds: settings.holds, coroutines: false, stopped: false};
            /** Says what the kernel does, through Jupyter. @type {any} */
            this.status = null;
            this._client = this._key = this._epoch = '';
            this._revision = 0;
            this._layoutRevision = 0;
            this._number = 0;
            this._sequence = 0;
            /** Shared frames applied on this connection, and the bytes of those that were not reported. */
            this._applied = this._unsaid = 0;
            this._request = 0;
            /** @type {Map<string, number>} */
            this._pending = new Map();
            /** @type {{s: number, m: object, c: any}[]} */
            this._unacknowledged = [];
            /** @type {Map<number, any>} */
            this._requests = new Map();
            /** Frames that came before the layout. @type {any[]} */
            this._early = [];
            /** What waits for the layout. @type {(() => void)[]} */
            this._later = [];
            this._shared = new Set();
            /** What this page keeps over a new layout. @type {{[id: string]: object}} */
            this._kept = {};
            /** @type {[{[key: string]: any}, string][]} */
            this._patterns = [];
            this._fetch = window.fetch.bind(window);
            window.fetch = (input, init) => this._fetched(input, init);
            const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
            this.socket = new dd.Socket(`${scheme}//${location.host}${settings.prefix}_dash-devices/ws`, {
                hello: () => this._hello(),
                frame: frame => this._frame(frame),
                binary: data => this._image(data),
                state: (state, detail) => this._state(state, detail)
            });
        }

        // ---- the connection

        _hello() {
            return {client: this._client, key: this._key, epoch: this._epoch, rev: this._revision, q: this._number};
        }

        _state(state, detail) {
            if (state === 'online' || detail === STOPPED) this._says({stopped: state !== 'online'});
            if (state === 'online') this.notices.state('offline', '');
            else if (state === 'refused') this.notices.state('offline', detail || 'The app refuses this page.', 'error');
            else if (this.socket && this.socket.everGreeted)
                this.notices.state('offline', `Offline: reconnecting…${detail ? ` (${detail})` : ''}`);
            else
                setTimeout(() => {
                    if (!this.socket.everGreeted) this._withoutSocket();
                }, PATIENCE_MS);
        }

        _says(news) {
            Object.assign(this.app, news);
            if (this.status) this.status.show();
        }

        _withoutSocket() {
            this.notices.state('offline', 'No live connection yet: the page shows no changes of others.', 'error');
            for (const [number, request] of this._requests) {
                this._requests.delete(number);
                this._fetch(request.input, this._withClient(request.init)).then(request.resolve, request.reject);
            }
        }

        _frame(frame) {
            if (frame.q) this._number = Math.max(this._number, frame.q);
            switch (frame.t) {
                case 'welcome':
                    return this._welcomed(frame);
                case 'ack':
                    return this._acknowledged(frame);
                case 'mods':
                    return this._mods(frame);
                case 'res':
                    return this._answered(frame);
                case 'notice':
                    if (!(frame.html && this.renderer.showError(frame.title || frame.text, frame.html)))
                        this.notices.show(frame.level, frame.text, frame.title);
                    return;
                case 'busy':
                    return this.notices.state('busy', frame.text || '');
                case 'shared':
                    return this._share(frame.refs);
                case 'dependencies':
                    return this._redefine(frame);
                case 'lag':
                    return this.notices.state('lag', frame.seconds ? `The app is ${frame.seconds.toFixed(1)} s behind` : '');
                case 'paused':
                    return this._paused(frame.waiting);
                case 'reload':
                    return this._reloaded(frame.dist);
                case 'get':
                    this._send({t: 'got', n: frame.n, value: (this.renderer.props(frame.id) || {})[frame.prop]});
            }
        }

        _welcomed(frame) {
            this._says({holds: frame.holds, coroutines: frame.coroutines});
            this._applied = this._unsaid = 0;
            const anew = this._epoch && this._epoch !== frame.epoch;
            Object.assign(this, {_client: frame.client, _key: frame.key, _epoch: frame.epoch});
            this._shared.clear();
            this._share(frame.shared);
            frame.pushed.forEach(([id, prop]) => this._shared.add(`${id}\n${prop}`));
            if (!frame.resumed) this._number = 0;
            if (frame.resumed) this._acknowledged({s: frame.s});
            for (const change of this._unacknowledged) this._send({t: 'set', ...change});
            for (const [number, request] of [...this._requests]) {
                if (frame.resumed ? number > frame.n : !request.sent || request.path !== UPDATE) this._ask(request);
                else if (!frame.resumed) this._lost(request);
            }
            if (anew) {
                this._revision = 0;
                this._early = [];
                this.reload();
            }
        }

        _lost(request) {
            this._requests.delete(request.number);
            this.notices.show('error', 'The connection was lost before the answer came. Please try again.');
            request.resolve(new Answer(503, 'the connection was lost', {}));
        }

        /** Show a new layout in place; what is this page's own stays. */
        reload() {
            this._kept = this.renderer.ownValues((id, prop) => !this._isShared(id, prop));
            this.renderer.reload();
        }

        async _reloaded(dist) {
            await Promise.all(dist.map(load));
            this.reload();
        }

        _paused(waiting) {
            const calls = waiting === 1 ? '1 call waits' : `${waiting} calls wait`;
            this.notices.state('paused', waiting === null ? '' : `Callbacks are paused: ${calls}`);
        }

        /** Send a frame, with what this page has taken so far. */
        _send(frame) {
            this._unsaid = 0;
            return this.socket.send({...frame, q: this._number, k: this._applied});
        }

        /** Shared frames are applied: say so before the app holds back, which it does after 512 kB. */
        _took(size) {
            this._applied += 1;
            this._unsaid += size;
            if (this._unsaid > SAY_BYTES) this._send({t: 'ok'});
        }

        /** An image: its header's length, the header, its bytes. @param {ArrayBuffer} data */
        _image(data) {
            const length = new DataView(data).getUint16(0);
            const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 2, length)));
            const shown = () => this._send({t: 'shown', id: header.id, prop: header.prop});
            this._whenHydrated(() => this.renderer.showImage(header, new Uint8Array(data, 2 + length), shown));
        }

        // ---- shared props

        _share(refs) {
            this._patterns = [];
            for (const [id, prop] of refs) {
                if (typeof id === 'string') this._shared.add(`${id}\n${prop}`);
                else this._patterns.push([id, prop]);
            }
        }

        _isShared(id, prop) {
            if (this._shared.has(`${id}\n${prop}`)) return true;
            if (!id.startsWith('{') || !this._patterns.length) return false;
            const values = JSON.parse(id);
            const size = Object.keys(values).length;
            return this._patterns.some(
                ([pattern, name]) =>
                    name === prop &&
                    Object.keys(pattern).length === size &&
                    Object.entries(pattern).every(([key, value]) => key in values && (value === null || values[key] === value))
            );
        }

        /** The renderer saw a change. */
        changed(id, props, cause) {
            /** @type {{[prop: string]: any}} */
            const shared = {};
            let any = false;
            for (const prop in props) {
                if (this._isShared(id, prop)) {
                    shared[prop] = props[prop];
                    any = true;
                }
            }
            if (!any || cause.pushed) return;
            const s = ++this._sequence;
            const c = cause.person ? undefined : cause.by || [];
            const change = {s, m: {[id]: shared}, c};
            if (JSON.stringify(shared).length > this._settings.most) {
                this.notices.show('error', `This value is over the limit of ${this._settings.most} bytes; it stays in this page.`);
                return;
            }
            for (const prop in shared) this._pending.set(`${id}\n${prop}`, s);
            this._unacknowledged.push(change);
            this._send({t: 'set', ...change});
        }

        _acknowledged(frame) {
            this._unacknowledged = this._unacknowledged.filter(change => change.s > frame.s);
            for (const [key, s] of this._pending) if (s <= frame.s) this._pending.delete(key);
        }

        _mods(frame) {
            if (!this.renderer.hydrated) {
                this._early.push(frame);
                return;
            }
            if (frame.r) {
                this._took(frame.size);
                if (frame.r <= this._layoutRevision) return;
                this._revision = Math.max(this._revision, frame.r);
            }
            /** @type {any} */
            let mods = frame.m;
            for (const id in frame.m) {
                for (const prop in frame.m[id]) {
                    if (frame.r) this._shared.add(`${id}\n${prop}`);
                    if (frame.r && this._pending.has(`${id}\n${prop}`)) {
                        if (mods === frame.m) mods = structuredClone(frame.m);
                        delete mods[id][prop];
                    }
                }
            }
            this.renderer.apply(mods, frame.r);
        }

        _whenHydrated(action) {
            if (this.renderer.hydrated) action();
            else this._later.push(action);
        }

        /** The page has its layout. */
        hydrated() {
            this._later.splice(0).forEach(action => action());
            const early = this._early;
            this._early = [];
            early.forEach(frame => this._mods(frame));
        }

        _redefine(frame) {
            this._says({coroutines: frame.coroutines});
            this._share(frame.refs);
            this._overSocket = new Set(frame.socket);
            for (const script of frame.scripts) {
                const element = document.createElement('script');
                element.textContent = script;
                document.head.appendChild(element);
            }
            if (this.renderer.hydrated) this.renderer.setDependencies(frame.content, frame.again);
        }

        // ---- Dash's requests

        _fetched(input, init) {
            const url = new URL(typeof input === 'string' ? input : input.url || String(input), location.href);
            const route = url.pathname.startsWith(this._settings.prefix) ? url.pathname.slice(this._settings.prefix.length) : '';
            if (url.origin !== location.origin || !ROUTES.includes(route)) return this._fetch(input, init);
            const update = route === UPDATE;
            const text = update && init && typeof init.body === 'string' ? init.body : '';
            const body = text ? JSON.parse(text) : undefined;
            const cause = body ? this.renderer.causeOf(body.changedPropIds || []) : null;
            if (body && !hasOutput(body) && !cause.person) return Promise.resolve(new Answer(204, '', {}));
            const overSocket = update
                ? (this._settings.update || this._overSocket.has(body && body.output)) && text.length < this._settings.most / 2
                : this._settings.other;
            if (!overSocket) return this._overHttp(input, init, route);
            return new Promise((resolve, reject) => {
                const number = ++this._request;
                const request = {number, path: route, query: url.search, body, cause, input, init, resolve, reject, sent: false};
                this._requests.set(number, request);
                this._ask(request);
            });
        }

        _ask(request) {
            const {number: n, path, query, body, cause} = request;
            const c = !cause || cause.person ? undefined : cause.by || [];
            request.sent = this._send({t: 'req', n, path, query, body, c}) || request.sent;
        }

        _withClient(init) {
            if (!this._client) return init;
            return {...init, headers: {...(init && init.headers), 'X-Dash-Devices-Client': `${this._client}.${this._key}`}};
        }

        async _overHttp(input, init, route) {
            const response = await this._fetch(input, this._withClient(init));
            if (route === '_dash-layout') this._atRevision(Number(response.headers.get('X-Dash-Devices-Revision')));
            return response;
        }

        _atRevision(revision) {
            this._layoutRevision = revision;
            this._revision = Math.max(this._revision, revision);
        }

        async _answered(frame) {
            const request = this._requests.get(frame.n);
            if (!request) return;
            this._requests.delete(frame.n);
            if (request.path === '_dash-layout') {
                this._atRevision(frame.r);
                dd.overlay(frame.b, this._kept);
                this._kept = {};
            }
            if (frame.ck) await this._fetch(`${this._settings.prefix}_dash-devices/cookies/${frame.ck}`);
            request.resolve(new Answer(frame.s, frame.b, this.renderer, request.cause));
        }
    };

    /** Load a script or style sheet that the page does not have. */
    function load({type, url}) {
        const script = type === '_js_dist';
        if (document.querySelector(script ? `script[src="${url}"]` : `link[href="${url}"]`)) return Promise.resolve();
        return new Promise(resolve => {
            const element = document.createElement(script ? 'script' : 'link');
            element.onload = element.onerror = resolve;
            if (script) element.src = url;
            else Object.assign(element, {rel: 'stylesheet', href: url});
            document.head.appendChild(element);
        });
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
