// @ts-check
/** Joins the parts of the page's side: the socket, the renderer, the shared props, Dash's requests and the notices. */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const PATIENCE_MS = 5000;
    /** The round trip that is assumed at least, and until one was measured. */
    const USUAL_TRIP_MS = 50;
    const STOPPED = 'The app stopped';

    dd.Bridge = class Bridge {
        /** @param {{prefix: string, update: boolean, other: boolean, socket: string[], most: number, body: number, name: number, holds: string, moved: any}} settings */
        constructor(settings) {
            /** Completes addresses if the app is served below another path than its program knew. @type {any} */
            this.addresses = settings.moved ? new dd.Addresses(settings) : null;
            this.notices = new dd.Notices();
            this._secure = new dd.SecureContext(text => this.notices.show('warning', text));
            this.renderer = new dd.Renderer(this);
            /**
             * The state of the app: what a busy kernel blocks, whether it has coroutine callbacks, and whether it has stopped.
             * `guest`: this page was opened by a share link.
             */
            this.app = {holds: settings.holds, coroutines: false, stopped: false, guest: false};
            /** Shows the state of the kernel, which Jupyter reports. @type {any} */
            this.status = null;
            this._client = this._key = this._epoch = '';
            /** Resolved when the app knows this page, or does not answer. */
            this._greeted = new Promise(resolve => {
                this._greet = () => resolve(undefined);
                setTimeout(resolve, PATIENCE_MS);
            });
            /** Since when this page gets no shared values. Null while it is connected. @type {number|null} */
            this._deafSince = 0;
            this._revision = 0;
            this._layoutRevision = 0;
            this._number = 0;
            /** Shared frames applied on this connection, and the bytes of the unreported ones. Small frames count as larger ones. */
            this._applied = this._unsaid = 0;
            /** The number of bytes and of frames after which this page reports. The app sets them. @type {[number, number]} */
            this._say = [0, 1];
            /** Frames that arrived before the layout. @type {any[]} */
            this._early = [];
            /** Functions to call when the layout is there. @type {(() => void)[]} */
            this._later = [];
            /** Functions that show images when the layout is there. @type {(() => void)[]} */
            this._images = [];
            /** The page's own values, which stay when the layout is replaced. @type {{[id: string]: object}} */
            this._kept = {};
            /** The values of this page that were on their way to the app when it asked for a layout. */
            this._underWay = [];
            /** @type {Send} */
            const send = frame => this._send(frame);
            const refuse = text => this.notices.show('error', text);
            this.missed = new dd.MissedChanges({has: id => this.renderer.props(id) !== null, send});
            this.watched = new dd.Watched({
                send,
                revision: () => Math.max(this._revision, this._layoutRevision),
                used: () => this.renderer.usedIds()
            });
            this.declared = new dd.DeclaredComponents({has: id => this.renderer.props(id) !== null, send});
            this.shared = new dd.SharedProps({
                send,
                changing: id => this.declared.changing(id),
                refuse,
                apply: (mods, revision, number) => this.renderer.apply(mods, revision, number),
                value: (id, prop) => (this.renderer.props(id) || {})[prop],
                goesOn: () => this.renderer.goesOn,
                sentEdits: (id, prop, edits) => this.renderer.sentEdits(id, prop, edits),
                most: settings.most
            });
            document.addEventListener('visibilitychange', () => this._look());
            this._floor = new dd.FloorBar({send, prefix: settings.prefix, longestName: settings.name});
            this._question = new dd.Question({send});
            this.permissions = new dd.Permissions({renderer: this.renderer, shared: this.shared, why: (text, at) => this._floor.why(text, at)});
            this.requests = new dd.Requests(settings, {
                send,
                refuse,
                renderer: this.renderer,
                addresses: this.addresses,
                gone: () => this.socket.everGreeted && !this.socket.greeted,
                ignored: names => this.permissions.ignored(names),
                client: () => this._greeted.then(() => (this._client ? `${this._client}.${this._key}` : '')),
                layout: (revision, tree, epoch, own) => this._laidOut(revision, tree, epoch, own),
                brings: (tree, revision) => this.missed.arriving(tree, revision),
                ask: (frame, sent) => this.shared.inOrder(() => sent(send(frame))),
                arrives: tree => dd.stopPersisting(tree, (id, prop) => this.shared.keeps(id, prop))
            });
            this.socket = new dd.Socket(() => dd.socketUrl(settings.prefix, '_dash-devices/ws'), {
                hello: () => this._hello(),
                frame: (frame, text) => this._frame(this._completed(frame, text)),
                binary: data => this._binary(data),
                state: (state, detail) => this._state(state, detail),
                silent: () => this.status && this.status.renew()
            });
        }

        // ---- the connection

        /** @returns {Omit<HelloFrame, 't'>} */
        _hello() {
            const {_client: client, _key: key, _epoch: epoch, _revision: rev, _number: q} = this;
            return {v: dd.PROTOCOL, client, key, epoch, rev, q, arrays: true, video: dd.videoCodecs()};
        }

        _state(state, detail) {
            if (state === 'online' || detail === STOPPED) this._says({stopped: state !== 'online'});
            if (state !== 'online' && this.socket) this.requests.offline();
            if (state !== 'online' && this._deafSince === null) this._deafSince = this.socket.lastHeard;
            if (state === 'online') {
                this.notices.state('offline', '');
                this.notices.state('http', this.socket.overHttp ? dd.text('overHttp') : '');
            } else if (state === 'full') this.notices.state('offline', detail || dd.text('full'));
            else if (state === 'refused') this._refused(detail || dd.text('refused'));
            else if (this.socket && this.socket.everGreeted)
                this.notices.state('offline', `${dd.text('offline')}${detail ? ` (${detail})` : ''}`);
            else
                setTimeout(() => {
                    if (!this.socket.everGreeted) this._withoutSocket();
                }, PATIENCE_MS);
        }

        /** The app refuses this page. If it was never connected, it goes on without a connection. @param {string} why */
        _refused(why) {
            if (this.socket.everGreeted) {
                this._ended(why);
                return;
            }
            this.notices.state('offline', why, 'error');
            this._greet();
            this.requests.refused();
        }

        /** The app has closed this page for good: show why, and switch the controls off. @param {string} why */
        _ended(why) {
            this.notices.state('offline', why, 'error');
            this._floor.ended();
            this._question.ended();
            this.permissions.ended();
        }

        _says(news) {
            Object.assign(this.app, news);
            if (this.status) this.status.show();
        }

        _withoutSocket() {
            this.notices.state('offline', dd.text('notLive'), 'error');
            this.requests.withoutSocket();
        }

        /** Complete the addresses in a frame. @param {Received<AppFrame>} frame @param {string} text */
        _completed(frame, text) {
            if (!this.addresses) return frame;
            if (frame.t === 'mods') this.addresses.complete(text, frame.m, 2);
            else if (frame.t === 'res') [frame, ...(frame.ch || [])].forEach(({b}) => this.addresses.complete(text, b, 3));
            return frame;
        }

        /** @param {Received<AppFrame>} frame */
        _frame(frame) {
            if ('q' in frame) {
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
                        this.notices.show(frame.level, dd.said(frame.text, 'notices'), frame.title);
                    return;
                case 'busy':
                    return this.notices.state('busy', frame.text || '');
                case 'role':
                    this.app.guest = frame.guest;
                    this._floor.receive(frame);
                    return this.permissions.receive(frame);
                case 'question':
                    return this._question.receive(frame);
                case 'shared':
                    this.shared.declare(frame.refs);
                    this.shared.addKept(frame.pushed);
                    return this.permissions.scheduleUpdate();
                case 'dependencies':
                    return this._redefine(frame);
                case 'lag':
                    return this.notices.state('lag', frame.seconds ? dd.text('behind', frame.seconds.toFixed(1)) : '');
                case 'paused':
                    return this._paused(frame.waiting);
                case 'reload':
                    return this._reloaded(frame.dist);
                case 'get':
                    this._send({t: 'got', n: frame.n, value: this._shows(frame)});
            }
        }

        /** Answer the app with a prop, or its part at a path. Without a name: all props of a component. @param {GetFrame} frame */
        _shows({id, prop, path}) {
            const props = this.renderer.props(id);
            let value = prop === null ? props : (props || {})[prop];
            for (const step of path || []) {
                const own = value !== null && typeof value === 'object';
                const key = Array.isArray(value) && typeof step === 'number' && step < 0 ? value.length + step : step;
                value = own && Object.prototype.hasOwnProperty.call(value, key) ? value[key] : null;
            }
            return value;
        }

        /** @param {WelcomeFrame} frame */
        _welcomed(frame) {
            this._says({holds: frame.holds, coroutines: frame.coroutines});
            this._applied = this._unsaid = 0;
            this._say = frame.say;
            // The app counts shared frames of this connection, and sends again what was in those of the one before.
            this._early = this._early.filter(early => !('r' in early));
            const anew = this._epoch && this._epoch !== frame.epoch;
            Object.assign(this, {_client: frame.client, _key: frame.key, _epoch: frame.epoch});
            this._question.welcomed(Boolean(anew));
            this._greet();
            this.renderer.rule(frame.causes);
            this.shared.reset(frame.shared, frame.pushed, anew ? undefined : this._deafSince);
            this._deafSince = null;
            if (frame.resumed) this.shared.acknowledged(frame.s);
            else {
                // What the app gave this page alone is lost with its session. It sends the images for all again.
                this._early = this._early.filter(early => 'f' in early || 'at' in early);
                this._images = [];
                this.renderer.forgetImages();
                this._number = 0;
                this.shared.newSession();
                this.declared.newSession();
            }
            if (document.hidden) this._look();
            this.watched.welcomed();
            this.shared.resend();
            const later = this.requests.reconnected(frame.resumed, frame.n, Boolean(anew));
            if (anew) {
                this._revision = 0;
                this._early = [];
                this.reload();
                this._whenHydrated(() => this.renderer.callFor(later) || this.refused(dd.text('lost')));
            }
        }

        /** Report whether the person looks at this page. */
        _look() {
            this._send({t: 'look', visible: !document.hidden});
        }

        /** Replace the layout in place. The page's own values stay. */
        reload() {
            if (this.renderer.hydrated) {
                this.shared.applyWaiting();
                this._kept = this.renderer.ownValues((id, prop) => !this.shared.has(id, prop));
                this._underWay = this.shared.pendingValues();
            }
            const putBack = dd.keepPersisted(this._kept);
            this.renderer.reload();
            // The store is replaced now, or when the layout has arrived.
            this._whenHydrated(putBack);
        }

        async _reloaded(dist) {
            await Promise.all(dist.map(load));
            this.renderer.keepToTheApp();
            this.reload();
        }

        _paused(waiting) {
            this.notices.state('paused', waiting === null ? '' : dd.text(waiting === 1 ? 'pausedOne' : 'paused', waiting));
        }

        /** Send a frame, with the acknowledgement of all frames so far. @param {PageFrame} frame */
        _send(frame) {
            this._unsaid = 0;
            return this.socket.send({...frame, q: this._number, k: this._applied});
        }

        /** A shared frame was applied. */
        _took(size) {
            this._applied += 1;
            this._heard(size);
        }

        /** Report what was applied, before the app stops sending (after 512 kB, or 100, shared frames) or drops the page. */
        _heard(size) {
            const [bytes, frames] = this._say;
            this._unsaid += Math.max(size, bytes / frames);
            if (this._unsaid > bytes) this._send({t: 'ok'});
        }

        /** Bytes have arrived: an image (the length of its header, the header, the bytes), or a frame with arrays. @param {ArrayBuffer} data */
        _binary(data) {
            const length = new DataView(data).getUint16(0);
            if (!length) {
                const {frame, text} = dd.frameWithArrays(data);
                this._frame(this._completed(frame, text));
                return;
            }
            const header = /** @type {ImageHeader} */ (JSON.parse(new TextDecoder().decode(new Uint8Array(data, 2, length))));
            const shown = (n = 1, lacks = undefined) => this._send({t: 'shown', id: header.id, prop: header.prop, n, lacks});
            if (header.of) this._secure.video();
            const show = () => {
                // A change of ours that is on its way comes later in the order.
                if (this.shared.isPending(header.id, header.prop)) return shown();
                this.shared.replaced(header.id, header.prop);
                this.renderer.showImage(header, new Uint8Array(data, 2 + length), shown);
            };
            if (this.renderer.hydrated) show();
            else this._images.push(show);
        }

        // ---- between the renderer and the app

        /** The renderer has reported a change. */
        changed(id, props, cause) {
            this.shared.changed(id, this.permissions.withoutIgnored(id, props), cause);
        }

        /** A component has changed values in place. */
        edited(id, edits, cause) {
            this.shared.edited(id, this.permissions.withoutIgnored(id, edits), cause);
        }

        /** The renderer could not apply a change. */
        refused(text) {
            this.notices.show('error', text);
        }

        /** @param {Received<SharedModsFrame | OwnModsFrame>} frame */
        _mods(frame) {
            if (!this.renderer.hydrated) {
                this._early.push(frame);
                return;
            }
            if ('r' in frame) {
                this._took(frame.size);
                if (frame.r <= this._layoutRevision) return;
                this._revision = Math.max(this._revision, frame.r);
                this.shared.receive(frame.m, frame.r, frame.size);
                return;
            }
            // It has waited for the layout, or came after one that was fetched over HTTP.
            if (frame.at !== undefined && frame.at < this._layoutRevision) return;
            if (frame.f !== undefined) this.shared.undo(frame.m, frame.f);
            else this.shared.receiveOwn(frame.m, frame.size, frame.q);
        }

        /** A layout has arrived, with the shared values of a revision, and this page's changes up to a number. */
        _laidOut(revision, tree, epoch, own) {
            this._layoutRevision = revision;
            this._epoch = this._epoch || epoch || '';
            this.missed.clear();
            this.shared.laidOut();
            this.watched.laidOut(revision);
            this._revision = Math.max(this._revision, revision);
            dd.overlay(tree, this._kept);
            // An app that does not know this page (any more) has what it has acknowledged, and is told the rest again.
            const comes = ({id, prop, s}) => (own === undefined ? this.shared.isPending(id, prop) : s > own);
            for (const each of this._underWay.filter(comes)) dd.overlay(tree, {[each.id]: {[each.prop]: each.value}});
            this._kept = {};
            this._underWay = [];
        }

        _whenHydrated(action) {
            if (this.renderer.hydrated) action();
            else this._later.push(action);
        }

        /** The page has its layout. */
        hydrated() {
            this._later.splice(0).forEach(action => action());
            this.renderer.showImagesAgain();
            this._images.splice(0).forEach(action => action());
            const early = this._early;
            this._early = [];
            early.forEach(frame => this._mods(frame));
            this.permissions.update();
            this._secure.look();
        }

        /** @param {DependenciesFrame} frame */
        _redefine(frame) {
            this._says({coroutines: frame.coroutines});
            this.renderer.rule(frame.causes);
            this.shared.declare(frame.refs);
            this.shared.sendOwn(performance.now() - frame.age * 1000 - Math.max(this.socket.roundTrip || 0, USUAL_TRIP_MS));
            this.requests.overSocket = new Set(frame.socket);
            for (const script of frame.scripts) {
                const element = document.createElement('script');
                element.textContent = script;
                document.head.appendChild(element);
            }
            this._secure.look();
            if (this.renderer.hydrated) this.renderer.setDependencies(frame.content, frame.again);
        }
    };

    /** Load a script or a style sheet, unless the page has it. */
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
