// @ts-check
/**
 * The shared props of this page: their names, outgoing changes and incoming values.
 *
 * A change of this page is *pending* until the app has acknowledged it. Until then others' changes of that prop are not
 * applied: the app ordered them before ours, so ours is the final value. Unacknowledged changes are sent again after a lost
 * connection.
 *
 * Large values are applied at most once in an animation frame, and the latest wins. A hidden page has no animation frames and
 * applies them at once.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const HEAVY = 32 * 1024;
    /** The most bytes of a frame besides its values. */
    const AROUND = 64 * 1024;
    const DRAWN_MS = 60;
    /** The events with which a task of the browser begins, or the page ends. */
    const BEGINNINGS = ['keydown', 'keyup', 'pointerdown', 'pointerup', 'pointermove', 'wheel', 'touchstart', 'touchmove', 'pagehide'];
    const keyOf = (id, prop) => `${id}\n${prop}`;

    dd.SharedProps = class SharedProps {
        /**
         * @param {{apply: (mods: object, revision?: number, number?: number) => void, send: Send, changing: (id: string) => void,
         *     refuse: (text: string) => void, value: (id: string, prop: string) => any,
         *     sentEdits: (id: string, prop: string, edits: [any[], any][]) => void, goesOn: () => boolean, most: number}} page
         *     `value` is undefined for what is not in the page
         */
        constructor(page) {
            this._page = page;
            this._sequence = 0;
            /** The number of the newest change of ours, by prop. @type {Map<string, number>} */
            this._pending = new Map();
            /** The same, acknowledged or not: undoing an older change does not affect it. @type {Map<string, number>} */
            this._newest = new Map();
            /** With the numbers of the frames that carry them. @type {{change: {s: number, m: object, c: any}, f: number|false}[]} */
            this._unacknowledged = [];
            /** When, and why, a prop changed in this page while it was the page's own. @type {Map<string, {at: number, cause: any}>} */
            this._own = new Map();
            this._known = new Set();
            /** Props that the app has set for all, and keeps; those that no shared callback uses are this page's own. @type {Set<string>} */
            this._kept = new Set();
            /** Props that are events, which a component sets back by itself: they are nobody's value. @type {Set<string>} */
            this._events = new Set();
            /** @type {[{[key: string]: any}, string][]} */
            this._patterns = [];
            /** Large values that wait for the next animation frame. @type {{mods: any, revision?: number, number?: number}|null} */
            this._heavy = null;
            /** Values that undo changes of this page and are not shown yet. @type {{[id: string]: {[prop: string]: any}}} */
            this._undone = {};
            this._undoing = 0;
            /** What is sent together, in order, when the browser's current task is over. @type {any[]} */
            this._gathered = [];
            this._channel = new MessageChannel();
            this._channel.port1.onmessage = () => this.flush();
            // A busy page may get the next event before its own message: flush what belongs to the previous one.
            for (const type of BEGINNINGS)
                window.addEventListener(type, event => event.isTrusted && this.flush(), {capture: true, passive: true});
        }

        /** The dependencies of shared callbacks. @param {[any, string][]} refs */
        declare(refs) {
            this._patterns = [];
            for (const [id, prop] of refs) {
                if (typeof id === 'string') this._known.add(keyOf(id, prop));
                else this._patterns.push([id, prop]);
            }
        }

        /**
         * Reset to the app's state.
         * @param {number} [since] as for `sendOwn`: when the connection was lost on which the app told of what is shared
         */
        reset(refs, pushed, since) {
            this._known.clear();
            this.declare(refs);
            if (since !== undefined) this.sendOwn(since);
            this._kept.clear();
            this.addKept(pushed);
        }

        /** Record props whose values the app keeps for all pages. @param {[string, string][]} pushed */
        addKept(pushed) {
            for (const [id, prop] of pushed) this._kept.add(keyOf(id, prop));
        }

        /**
         * Send changes that were made while their prop was shared but this page did not know it yet.
         * @param {number} since by `performance.now()`
         */
        sendOwn(since) {
            for (const [key, {at, cause}] of [...this._own]) {
                const [id, prop] = key.split('\n');
                if (at < since || !this.has(id, prop)) continue;
                const value = this._page.value(id, prop);
                if (value !== undefined) this.changed(id, {[prop]: value}, cause);
            }
        }

        has(id, prop) {
            if (this._known.has(keyOf(id, prop))) return true;
            if (!id.startsWith('{') || !this._patterns.length) return false;
            return this._patterns.some(([pattern, name]) => name === prop && dd.matches(pattern, id));
        }

        /** Whether the app keeps a value of a prop, which takes precedence over the browser's memory. */
        keeps(id, prop) {
            return this._kept.has(keyOf(id, prop)) || this.has(id, prop);
        }

        /** Which props are shared, by "id\nprop", and by [pattern, prop]. */
        refs() {
            return {known: this._known, patterns: this._patterns};
        }

        /** Props have changed in this page. */
        changed(id, props, cause) {
            if (cause.pushed) return;
            /** @type {{[prop: string]: any}} */
            const shared = {};
            for (const prop in props) {
                if (this._events.has(keyOf(id, prop))) continue;
                this.replaced(id, prop);
                if (this.has(id, prop)) shared[prop] = props[prop];
                else this._own.set(keyOf(id, prop), {at: performance.now(), cause});
            }
            const names = Object.keys(shared);
            if (!names.length) return;
            const text = JSON.stringify(shared);
            if (dd.tooLong(text, this._page.most - AROUND)) {
                this._page.refuse(dd.text('overLimit', this._page.most));
                return;
            }
            const s = this._gather(id, shared, text.length, cause);
            for (const prop of names) {
                this._pending.set(keyOf(id, prop), s);
                this._newest.set(keyOf(id, prop), s);
                this._own.delete(keyOf(id, prop));
            }
        }

        /**
         * Send edits that were made in place, at some paths. Unlike whole values, they are not *pending*: others' edits of the same
         * value are applied meanwhile, and ours come back to this page in the common order.
         * @param {string} id @param {{[prop: string]: [any[], any][]}} edits
         */
        edited(id, edits, cause) {
            if (cause.pushed || cause.restored) return;
            for (const prop in edits) {
                const whole = edits[prop].find(([path]) => !path.length);
                const text = JSON.stringify(edits[prop]);
                if (whole || dd.tooLong(text, this._page.most - AROUND)) this.changed(id, {[prop]: this._page.value(id, prop)}, cause);
                else {
                    this._gather(id, {}, text.length, cause, [id, prop, edits[prop]]);
                    this._page.sentEdits(id, prop, edits[prop]);
                }
            }
        }

        /**
         * Merge a change with the others of the same event: pressing Enter submits the typed text, whatever the steps in which the
         * components report it. The frame is sent when the browser's task is over.
         * @param {string} id @param {object} props @param {number} size @param {any} cause @param {[string, string, [any[], any][]]} [edit]
         */
        _gather(id, props, size, {said, restored, ...cause}, edit) {
            const [c, w] = [dd.causeFrame(cause), said ? 'said' : restored ? 'kept' : undefined];
            const why = JSON.stringify([c, w]);
            // Together they must stay below the limit in bytes. A character takes at most three.
            const most = (this._page.most - AROUND) / 3;
            let gathered = this._gathered.find(each => each.why === why && each.size + size < most);
            if (!gathered) {
                gathered = {why, size: 0, change: {s: ++this._sequence, m: {}, c, w}};
                if (!this._gathered.length) this._scheduleFlush();
                this._gathered.push(gathered);
            }
            const {m, s} = gathered.change;
            const {e = []} = gathered.change;
            if (edit && m[id] && edit[1] in m[id]) m[id][edit[1]] = this._page.value(id, edit[1]);
            else if (edit) gathered.change.e = [...e, edit];
            else if (e.length) gathered.change.e = e.filter(([other, prop]) => other !== id || !(prop in props));
            m[id] = {...m[id], ...props};
            gathered.size += size;
            return s;
        }

        /**
         * Flush at the end of the task. If no event can follow (a letter, a step of a drag), the end of the running code is enough: it
         * comes before React draws, which takes longer than the network.
         */
        _scheduleFlush() {
            if (this._page.goesOn()) this._channel.port2.postMessage(0);
            else queueMicrotask(() => this.flush());
        }

        /** Run an action after the changes of this task were sent. @param {() => void} action */
        inOrder(action) {
            if (this._gathered.length) this._gathered.push({action});
            else action();
        }

        /** Send everything that was gathered. */
        flush() {
            for (const {change, action} of this._gathered.splice(0)) {
                if (action) {
                    action();
                    continue;
                }
                for (const id in change.m) this._page.changing(id);
                this._unacknowledged.push({change, f: this._page.send({t: 'set', ...change})});
            }
        }

        /** The app has ordered our changes up to a number. */
        acknowledged(s) {
            this._unacknowledged = this._unacknowledged.filter(({change}) => change.s > s);
            for (const [key, own] of this._pending) if (own <= s) this._pending.delete(key);
        }

        /** Something newer is shown as this prop than what waits to be shown. */
        replaced(id, prop) {
            this._forgetUndone(id, prop);
            this._forgetHeavy(id, prop);
        }

        /** Whether a change of ours is not acknowledged yet. */
        isPending(id, prop) {
            return this._pending.has(keyOf(id, prop));
        }

        /**
         * The pending values that this page shows, with the numbers of their changes.
         * @returns {{id: string, prop: string, s: number, value: any}[]}
         */
        pendingValues() {
            return [...this._pending]
                .map(([key, s]) => {
                    const [id, prop] = key.split('\n');
                    return {id, prop, s, value: this._page.value(id, prop)};
                })
                .filter(({value}) => value !== undefined);
        }

        /** Start a new session: the app does not know this page any more, and counts its changes anew. */
        newSession() {
            this._newest = new Map(this._pending);
        }

        /** Send again what was not acknowledged. */
        resend() {
            for (const each of this._unacknowledged) each.f = this._page.send({t: 'set', ...each.change});
        }

        /** Give up a change whose frame the app could not read, and request the current values. @param {number} f */
        unread(f) {
            const [lost] = this._unacknowledged.filter(each => each.f === f);
            if (!lost) return;
            this._unacknowledged = this._unacknowledged.filter(each => each !== lost);
            for (const known of [this._pending, this._newest])
                for (const [key, s] of known) if (s === lost.change.s) known.delete(key);
            const m = Object.fromEntries(Object.entries(lost.change.m).map(([id, props]) => [id, Object.keys(props)]));
            this._page.send({t: 'want', ids: {}, m});
        }

        /**
         * Take values that undo this page's changes. A component whose prop changes and returns before it was drawn may keep the value
         * in between (Dash 4.4.1's slider does), so they wait until it was drawn. Newer values stay.
         * @param {any} mods @param {number} s the last change that the app had ordered; later changes of this page stay
         */
        undo(mods, s) {
            for (const id in mods)
                for (const prop in mods[id])
                    if (!((this._newest.get(keyOf(id, prop)) || 0) > s)) this._undone[id] = {...this._undone[id], [prop]: mods[id][prop]};
            clearTimeout(this._undoing);
            const soon = () => (document.hidden ? this._applyUndone() : requestAnimationFrame(() => this._applyUndone()));
            this._undoing = window.setTimeout(soon, DRAWN_MS);
        }

        /** Show what waits to be drawn, as the layout that shows it is about to go. */
        applyWaiting() {
            this._applyUndone();
            this._applyHeavy();
        }

        /** A layout has come. What waits and was received for the layout before it is older than the values in it. */
        laidOut() {
            this._undone = {};
            if (this._heavy && this._heavy.revision) this._heavy = null;
        }

        _applyUndone() {
            const mods = this._undone;
            this._undone = {};
            if (Object.keys(mods).length) this._page.apply(mods);
        }

        /**
         * Take values for this page alone. They have their place in the order of all changes: one of ours that is on its way
         * comes later.
         * @param {any} mods @param {number} size in bytes @param {number} number of the frame
         */
        receiveOwn(mods, size, number) {
            this.receive(this._withoutPending(mods), undefined, size, number);
        }

        /**
         * Take values from the app.
         * @param {any} mods @param {number|undefined} revision @param {number} size in bytes
         * @param {number} [number] of the frame, where they are for this page alone
         */
        receive(mods, revision, size, number) {
            for (const id in mods)
                for (const prop in mods[id]) if (dd.isEvent(prop, mods[id][prop])) this._events.add(keyOf(id, prop));
            if (revision) {
                for (const id in mods)
                    for (const prop in mods[id]) if (!this._events.has(keyOf(id, prop))) this._markKept(keyOf(id, prop));
                mods = this._withoutPending(mods);
            }
            const special = hasSpecial(mods);
            // A `Patch` or an event changes the value that holds, not the one that is about to be undone.
            if (special && Object.keys(mods).some(id => id in this._undone)) this._applyUndone();
            for (const id in mods) for (const prop in mods[id]) this._forgetUndone(id, prop);
            const others = this._heavy && !this._heavy.revision !== !revision;
            if (this._heavy && (special || others || touches(this._heavy.mods, mods))) this._applyHeavy();
            if (size < HEAVY || special || document.hidden) {
                this._page.apply(mods, revision, number);
                return;
            }
            if (!this._heavy) {
                this._heavy = {mods: {}};
                requestAnimationFrame(() => this._applyHeavy());
            }
            for (const id in mods) this._heavy.mods[id] = {...this._heavy.mods[id], ...mods[id]};
            Object.assign(this._heavy, {revision, number});
        }

        /** Record that the app keeps a value of a prop. */
        _markKept(key) {
            this._kept.add(key);
            this._own.delete(key);
        }

        _forgetUndone(id, prop) {
            if (this._undone[id]) delete this._undone[id][prop];
        }

        _forgetHeavy(id, prop) {
            if (this._heavy && this._heavy.mods[id]) delete this._heavy.mods[id][prop];
        }

        _applyHeavy() {
            if (!this._heavy) return;
            const {mods, revision, number} = this._heavy;
            this._heavy = null;
            this._page.apply(this._withoutPending(mods), revision, number);
        }

        _withoutPending(mods) {
            if (!this._pending.size) return mods;
            /** @type {any} */
            const rest = {};
            for (const id in mods) {
                rest[id] = {};
                for (const prop in mods[id]) if (!this._pending.has(keyOf(id, prop))) rest[id][prop] = mods[id][prop];
            }
            return rest;
        }
    };

    /** Whether an id matches a pattern, whose wildcards are null. @param {any} pattern @param {string} id */
    dd.matches = (pattern, id) => {
        if (!id.startsWith('{')) return false;
        const values = JSON.parse(id);
        const names = Object.keys(pattern);
        const same = name => name in values && (pattern[name] === null || values[name] === pattern[name]);
        return names.length === Object.keys(values).length && names.every(same);
    };

    /** The cause as a frame carries it: undefined for a person, revision -1 for a callback's answer to a person of this page. */
    dd.causeFrame = cause => {
        if (cause.person) return cause.through && [...cause.through, -1];
        return cause.by || [];
    };

    /** Whether a value is not plain: a `Patch` or an event. */
    function hasSpecial(mods) {
        return Object.values(mods).some(props =>
            Object.entries(props).some(([prop, value]) => dd.isEvent(prop, value) || dd.isPatch(value))
        );
    }

    function touches(one, other) {
        return Object.keys(other).some(id => id in one && Object.keys(other[id]).some(prop => prop in one[id]));
    }
})();
