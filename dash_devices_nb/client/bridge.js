// @ts-check
/** Joins the parts of the page's side: the socket, the renderer, the shared props, Dash's requests and the notices. */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const SAY_BYTES = 128 * 1024;
    const SAY_FRAMES = 40;
    const PATIENCE_MS = 5000;
    /** The round trip as long as it is not known, and the least that is counted on. */
    const USUAL_TRIP_MS = 50;
    const STOPPED = 'The app stopped';

    dd.Bridge = class Bridge {
        /** @param {{prefix: string, update: boolean, other: boolean, socket: string[], most: number, body: number, holds: string, moved: any}} settings */
        constructor(settings) {
            /** Completes addresses where the app is served below another path than its program knew. @type {any} */
            this.addresses = settings.moved ? new dd.Addresses(settings) : null;
            this.notices = new dd.Notices();
            this.renderer = new dd.Renderer(this);
            /**
             * What the app says of itself: what a busy kernel holds up, whether it has coroutine callbacks, or has stopped; and
             * whether this page's person came by a share link.
             */
            this.app = {holds: settings.holds, coroutines: false, stopped: false, guest: false};
            /** Says what the kernel does, through Jupyter. @type {any} */
            this.status = null;
            this._client = this._key = this._epoch = '';
            /** Done when the app knows this page, or does not answer. */
            this._greeted = new Promise(resolve => {
                this._greet = () => resolve(undefined);
                setTimeout(resolve, PATIENCE_MS);
            });
            /** Since when this page has not heard what is shared, null while it is connected. @type {number|null} */
            this._deafSince = 0;
            this._revision = 0;
            this._layoutRevision = 0;
            this._number = 0;
            /** Shared frames applied on this connection, and the bytes of those that were not reported, small ones counted as larger. */
            this._applied = this._unsaid = 0;
            /** Frames that came before the layout. @type {any[]} */
            this._early = [];
            /** What waits for the layout. @type {(() => void)[]} */
            this._later = [];
            /** What this page keeps over a new layout. @type {{[id: string]: object}} */
            this._kept = {};
            const send = frame => this._send(frame);
            const refuse = text => this.notices.show('error', text);
            this.absent = new dd.Absent({has: id => this.renderer.props(id) !== null, send});
            this.present = new dd.Present({has: id => this.renderer.props(id) !== null, send});
            this.shared = new dd.SharedProps({
                send,
                changes: id => this.present.changes(id),
                refuse,
                apply: (mods, revision, number) => this.renderer.apply(mods, revision, number),
                value: (id, prop) => (this.renderer.props(id) || {})[prop],
                goesOn: () => this.renderer.goesOn,
                sentEdits: (id, prop, edits) => this.renderer.sentEdits(id, prop, edits),
                most: settings.most
            });
            this._floor = new dd.FloorBar({send, prefix: settings.prefix});
            this.role = new dd.Role({renderer: this.renderer, shared: this.shared, why: (text, at) => this._floor.why(text, at)});
            this.requests = new dd.Requests(settings, {
                send,
                refuse,
                renderer: this.renderer,
                addresses: this.addresses,
                gone: () => this.socket.everGreeted && !this.socket.greeted,
                ignored: names => this.role.ignored(names),
                client: () => this._greeted.then(() => (this._client ? `${this._client}.${this._key}` : '')),
                layout: (revision, tree, epoch) => this._laidOut(revision, tree, epoch),
                brings: (tree, revision) => this.absent.brings(tree, revision),
                ask: (frame, sent) => this.shared.inOrder(() => sent(send(frame))),
                arrives: tree => dd.persistLess(tree, (id, prop) => this.shared.keeps(id, prop))
            });
            this.socket = new dd.Socket(() => dd.socketUrl(settings.prefix, '_dash-devices/ws'), {
                hello: () => this._hello(),
                frame: (frame, text) => this._frame(this._completed(frame, text)),
                binary: data => this._image(data),
                state: (state, detail) => this._state(state, detail),
                silent: () => this.status && this.status.renew()
            });
        }

        // ---- the connection

        _hello() {
            return {client: this._client, key: this._key, epoch: this._epoch, rev: this._revision, q: this._number};
        }

        _state(state, detail) {
            if (state === 'online' || detail === STOPPED) this._says({stopped: state !== 'online'});
            if (state !== 'online' && this.socket) this.requests.offline();
            if (state !== 'online' && this._deafSince === null) this._deafSince = this.socket.lastHeard;
            if (state === 'online') this.notices.state('offline', '');
            else if (state === 'full') this.notices.state('offline', detail || 'Full: trying again…');
            else if (state === 'refused') this._refused(detail || 'The app refuses this page.');
            else if (this.socket && this.socket.everGreeted)
                this.notices.state('offline', `Offline: reconnecting…${detail ? ` (${detail})` : ''}`);
            else
                setTimeout(() => {
                    if (!this.socket.everGreeted) this._withoutSocket();
                }, PATIENCE_MS);
        }

        /** The app says why it will not have this page. One that never was connected goes on without. @param {string} why */
        _refused(why) {
            if (this.socket.everGreeted) {
                this._ended(why);
                return;
            }
            this.notices.state('offline', why, 'error');
            this._greet();
            this.requests.refused();
        }

        /** The app will not have this page any more: it says why, and what its person could do here is off. @param {string} why */
        _ended(why) {
            this.notices.state('offline', why, 'error');
            this._floor.ended();
            this.role.ended();
        }

        _says(news) {
            Object.assign(this.app, news);
            if (this.status) this.status.show();
        }

        _withoutSocket() {
            this.notices.state('offline', 'No live connection yet: the page shows no changes of others.', 'error');
            this.requests.withoutSocket();
        }

        /** A frame with the addresses in it made whole. */
        _completed(frame, text) {
            if (!this.addresses) return frame;
            if (frame.t === 'mods') this.addresses.complete(text, frame.m, 2);
            else if (frame.t === 'res') [frame, ...(frame.ch || [])].forEach(({b}) => this.addresses.complete(text, b, 3));
            return frame;
        }

        _frame(frame) {
            if (frame.q) {
                this._number = Math.max(this._number, frame.q);
                this._heard(frame.size);
            }
            switch (frame.t) {
                case 'welcome':
                    return this._welcomed(frame);
                case 'ack':
                    return this.shared.acknowledged(frame.s);
                case 'mods':
                    return this._mods(frame);
                case 'res':
                    return this.requests.answered(frame);
                case 'unread':
                    this.shared.unread(frame.f);
                    return this.requests.unread(frame.f);
                case 'notice':
                    if (!(frame.html && this.renderer.showError(frame.title || frame.text, frame.html)))
                        this.notices.show(frame.level, frame.text, frame.title);
                    return;
                case 'busy':
                    return this.notices.state('busy', frame.text || '');
                case 'role':
                    this.app.guest = frame.guest;
                    this._floor.told(frame);
                    return this.role.told(frame);
                case 'shared':
                    this.shared.declare(frame.refs);
                    this.shared.hold(frame.pushed);
                    return this.role.soon();
                case 'dependencies':
                    return this._redefine(frame);
                case 'lag':
                    return this.notices.state('lag', frame.seconds ? `The app is ${frame.seconds.toFixed(1)} s behind` : '');
                case 'paused':
                    return this._paused(frame.waiting);
                case 'reload':
                    return this._reloaded(frame.dist);
                case 'get':
                    this._send({t: 'got', n: frame.n, value: this._shows(frame)});
            }
        }

        /** What the app asks for: a prop, or the part of it at a path; without a name all props of a component. */
        _shows({id, prop, path}) {
            const props = this.renderer.props(id);
            let value = prop === null ? props : (props || {})[prop];
            for (const step of path || []) {
                const own = value !== null && typeof value === 'object';
                const key = Array.isArray(value) && step < 0 ? value.length + step : step;
                value = own && Object.prototype.hasOwnProperty.call(value, key) ? value[key] : null;
            }
            return value;
        }

        _welcomed(frame) {
            this._says({holds: frame.holds, coroutines: frame.coroutines});
            this._applied = this._unsaid = 0;
            const anew = this._epoch && this._epoch !== frame.epoch;
            Object.assign(this, {_client: frame.client, _key: frame.key, _epoch: frame.epoch});
            this._greet();
            this.renderer.rule(frame.causes);
            this.shared.reset(frame.shared, frame.pushed, anew ? undefined : this._deafSince);
            this._deafSince = null;
            if (frame.resumed) this.shared.acknowledged(frame.s);
            else {
                this._number = 0;
                this.shared.forgotten();
                this.present.again();
            }
            this.shared.resend();
            this.requests.again(frame.resumed, frame.n);
            if (anew) {
                this._revision = 0;
                this._early = [];
                this.reload();
            }
        }

        /** Show a new layout in place; what is this page's own stays. */
        reload() {
            this._kept = this.renderer.ownValues((id, prop) => !this.shared.has(id, prop));
            const putBack = dd.remembered(this._kept);
            this.renderer.reload();
            // The store is renewed at once, or when the layout has come.
            this._whenHydrated(putBack);
        }

        async _reloaded(dist) {
            await Promise.all(dist.map(load));
            this.renderer.keepToTheApp();
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

        /** A shared frame is applied. */
        _took(size) {
            this._applied += 1;
            this._heard(size);
        }

        /** Say what this page has before the app holds back (after 512 kB, or 100, shared frames) or gives it up. */
        _heard(size) {
            this._unsaid += Math.max(size, SAY_BYTES / SAY_FRAMES);
            if (this._unsaid > SAY_BYTES) this._send({t: 'ok'});
        }

        /** An image: its header's length, the header, its bytes. @param {ArrayBuffer} data */
        _image(data) {
            const length = new DataView(data).getUint16(0);
            const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 2, length)));
            const shown = () => this._send({t: 'shown', id: header.id, prop: header.prop});
            this._whenHydrated(() => this.renderer.showImage(header, new Uint8Array(data, 2 + length), shown));
        }

        // ---- between the renderer and the app

        /** The renderer saw a change. */
        changed(id, props, cause) {
            this.shared.changed(id, this.role.without(id, props), cause);
        }

        /** A component has changed values in place. */
        edited(id, edits, cause) {
            this.shared.edited(id, this.role.without(id, edits), cause);
        }

        /** The renderer could not apply something. */
        refused(text) {
            this.notices.show('error', text);
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
            if (frame.f !== undefined) this.shared.undo(frame.m, frame.f);
            else this.shared.came(frame.m, frame.r, frame.size, frame.q);
        }

        /** A layout has come that has the shared values of a revision. */
        _laidOut(revision, tree, epoch) {
            this._layoutRevision = revision;
            this._epoch = this._epoch || epoch || '';
            this.absent.clear();
            this._revision = Math.max(this._revision, revision);
            if (tree) dd.overlay(tree, this._kept);
            this._kept = {};
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
            this.role.look();
        }

        _redefine(frame) {
            this._says({coroutines: frame.coroutines});
            this.renderer.rule(frame.causes);
            this.shared.declare(frame.refs);
            this.shared.tellOwn(performance.now() - frame.age * 1000 - Math.max(this.socket.roundTrip || 0, USUAL_TRIP_MS));
            this.requests.overSocket = new Set(frame.socket);
            for (const script of frame.scripts) {
                const element = document.createElement('script');
                element.textContent = script;
                document.head.appendChild(element);
            }
            if (this.renderer.hydrated) this.renderer.setDependencies(frame.content, frame.again);
        }
    };

    /** Load a script or style sheet that the page does not have. */
    function load({type, url}) {
        const script = type === '_js_dist';
        if (document.querySelector(script ? `script[src="${url}"]` : `link[href="${url}"]`)) return Promise.resolve();
        return new Promise(resolve => {
            const element = script ? document.createElement('script') : document.createElement('link');
            element.onload = element.onerror = resolve;
            if ('src' in element) element.src = url;
            else Object.assign(element, {rel: 'stylesheet', href: url});
            document.head.appendChild(element);
        });
    }
})();
