// @ts-check
/**
 * The shared props of this page: which they are, the changes that go out and those that come in.
 *
 * A change of this page is *pending* until the app has acknowledged it. Meanwhile others' changes of that prop are not
 * applied: the app put them in order before ours, which is what holds in the end. What was not acknowledged is sent
 * again after a lost connection.
 *
 * Large values are applied at most once in an animation frame, the latest wins; a hidden page, which has no animation
 * frames, applies them at once.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const HEAVY = 32 * 1024;
    /** Bytes of a frame around the values that it carries, at the most. */
    const AROUND = 64 * 1024;
    const DRAWN_MS = 60;
    /** The events with which a task of the browser begins, or the page ends. */
    const BEGINNINGS = ['keydown', 'keyup', 'pointerdown', 'pointerup', 'pointermove', 'wheel', 'touchstart', 'touchmove', 'pagehide'];
    const keyOf = (id, prop) => `${id}\n${prop}`;

    dd.SharedProps = class SharedProps {
        /**
         * @param {{apply: (mods: object, revision?: number, number?: number) => void, send: (frame: object) => number|false, changes: (id: string) => void,
         *     refuse: (text: string) => void, value: (id: string, prop: string) => any,
         *     sentEdits: (id: string, prop: string, edits: [any[], any][]) => void, goesOn: () => boolean, most: number}} page
         *     `value` is undefined for what is not in the page
         */
        constructor(page) {
            this._page = page;
            this._sequence = 0;
            /** The number of the newest change of ours, by prop. @type {Map<string, number>} */
            this._pending = new Map();
            /** The same, acknowledged or not: what undoes an older one says nothing of it. @type {Map<string, number>} */
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
            /** What undoes changes of this page, and is not shown yet. @type {{[id: string]: {[prop: string]: any}}} */
            this._undone = {};
            this._undoing = 0;
            /** What goes out together when the current task of the browser is over, in its order. @type {any[]} */
            this._gathered = [];
            this._channel = new MessageChannel();
            this._channel.port1.onmessage = () => this.flush();
            // A busy page may hear of what somebody does next before its own message: what was done before is told for itself.
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
         * Start anew with what the app says.
         * @param {number} [since] as for `tellOwn`: when the connection was lost on which the app told of what is shared
         */
        reset(refs, pushed, since) {
            this._known.clear();
            this.declare(refs);
            if (since !== undefined) this.tellOwn(since);
            this._kept.clear();
            this.hold(pushed);
        }

        /** The app has values of these for all. @param {[string, string][]} pushed */
        hold(pushed) {
            for (const [id, prop] of pushed) this._kept.add(keyOf(id, prop));
        }

        /**
         * Tell the app of the changes that were made while their prop was shared, but this page had not heard that yet.
         * @param {number} since by `performance.now()`
         */
        tellOwn(since) {
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

        /** Whether the app has a value of a prop, which the browser's memory does not take the place of. */
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
                this._forgetUndone(id, prop);
                if (this.has(id, prop)) shared[prop] = props[prop];
                else this._own.set(keyOf(id, prop), {at: performance.now(), cause});
            }
            const names = Object.keys(shared);
            if (!names.length) return;
            const text = JSON.stringify(shared);
            if (dd.tooLong(text, this._page.most - AROUND)) {
                this._page.refuse(`This value is over the limit of ${this._page.most} bytes; it stays in this page.`);
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
         * Values have been changed in place, at some paths. Unlike a whole value these are not *pending*: others' edits of the
         * same value are applied meanwhile, and ours come back to this page in the order of all.
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
         * Put a change with those that the same event has made: a person who presses Enter has submitted what was typed, whatever
         * the steps in which the components say so. It goes out when the browser's task is over.
         * @param {string} id @param {object} props @param {number} size @param {any} cause @param {[string, string, [any[], any][]]} [edit]
         */
        _gather(id, props, size, {said, restored, ...cause}, edit) {
            const [c, w] = [dd.causeFrame(cause), said ? 'said' : restored ? 'kept' : undefined];
            const why = JSON.stringify([c, w]);
            // Together they must not be over the limit, of bytes, of which a character takes three at the most.
            const most = (this._page.most - AROUND) / 3;
            let gathered = this._gathered.find(each => each.why === why && each.size + size < most);
            if (!gathered) {
                gathered = {why, size: 0, change: {s: ++this._sequence, m: {}, c, w}};
                if (!this._gathered.length) this._soon();
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
         * The task will be over. Of an event that nothing follows (a letter, a step of a drag), and without one, the rest of the code
         * that runs is all: that is over before React draws, which takes longer than the way.
         */
        _soon() {
            if (this._page.goesOn()) this._channel.port2.postMessage(0);
            else queueMicrotask(() => this.flush());
        }

        /** Do something after the changes of this task have gone out. @param {() => void} action */
        inOrder(action) {
            if (this._gathered.length) this._gathered.push({action});
            else action();
        }

        /** The task is over. */
        flush() {
            for (const {change, action} of this._gathered.splice(0)) {
                if (action) {
                    action();
                    continue;
                }
                for (const id in change.m) this._page.changes(id);
                this._unacknowledged.push({change, f: this._page.send({t: 'set', ...change})});
            }
        }

        /** The app has ordered our changes up to a number. */
        acknowledged(s) {
            this._unacknowledged = this._unacknowledged.filter(({change}) => change.s > s);
            for (const [key, own] of this._pending) if (own <= s) this._pending.delete(key);
        }

        /** The app knows this page no more, or may not: it counts anew what it has of this page. */
        forgotten() {
            this._newest = new Map(this._pending);
        }

        /** Send again what was not acknowledged. */
        resend() {
            for (const each of this._unacknowledged) each.f = this._page.send({t: 'set', ...each.change});
        }

        /** The app could not read a frame: if it carried a change, that is given up, and what holds is asked for. @param {number} f */
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
         * Values that undo what this page changed. A component to which a prop goes and comes back before it was drawn may
         * keep the value between (Dash 4.4.1's slider does): they wait until it was. What is newer by then stays.
         * @param {any} mods @param {number} s the last change that the app had ordered: what this page has changed since stays, too
         */
        undo(mods, s) {
            for (const id in mods)
                for (const prop in mods[id])
                    if (!((this._newest.get(keyOf(id, prop)) || 0) > s)) this._undone[id] = {...this._undone[id], [prop]: mods[id][prop]};
            clearTimeout(this._undoing);
            const soon = () => (document.hidden ? this._undo() : requestAnimationFrame(() => this._undo()));
            this._undoing = window.setTimeout(soon, DRAWN_MS);
        }

        _undo() {
            const mods = this._undone;
            this._undone = {};
            if (Object.keys(mods).length) this._page.apply(mods);
        }

        /**
         * Values have come from the app.
         * @param {any} mods @param {number|undefined} revision @param {number} size in bytes
         * @param {number} [number] of the frame, where they are for this page alone
         */
        came(mods, revision, size, number) {
            for (const id in mods)
                for (const prop in mods[id]) if (dd.isEvent(prop, mods[id][prop])) this._events.add(keyOf(id, prop));
            if (revision) {
                for (const id in mods)
                    for (const prop in mods[id]) if (!this._events.has(keyOf(id, prop))) this._keep(keyOf(id, prop));
                mods = this._withoutPending(mods);
            }
            const special = hasSpecial(mods);
            const others = this._heavy && !this._heavy.revision !== !revision;
            if (this._heavy && (special || others || touches(this._heavy.mods, mods))) this._flush();
            if (size < HEAVY || special || document.hidden) {
                this._page.apply(mods, revision, number);
                return;
            }
            if (!this._heavy) {
                this._heavy = {mods: {}};
                requestAnimationFrame(() => this._flush());
            }
            for (const id in mods) this._heavy.mods[id] = {...this._heavy.mods[id], ...mods[id]};
            Object.assign(this._heavy, {revision, number});
        }

        /** A value of it has come from the app. */
        _keep(key) {
            this._kept.add(key);
            this._own.delete(key);
            this._forgetUndone(...key.split('\n'));
        }

        _forgetUndone(id, prop) {
            if (this._undone[id]) delete this._undone[id][prop];
        }

        _flush() {
            if (!this._heavy) return;
            const {mods, revision, number} = this._heavy;
            this._heavy = null;
            this._page.apply(revision ? this._withoutPending(mods) : mods, revision, number);
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

    /** Whether a component is one of a pattern, whose wildcards are null. @param {any} pattern @param {string} id */
    dd.matches = (pattern, id) => {
        if (!id.startsWith('{')) return false;
        const values = JSON.parse(id);
        const names = Object.keys(pattern);
        const same = name => name in values && (pattern[name] === null || values[name] === pattern[name]);
        return names.length === Object.keys(values).length && names.every(same);
    };

    /** A cause as the app gets it: nothing for what a person did, -1 for a callback's answer to a person of this page. */
    dd.causeFrame = cause => {
        if (cause.person) return cause.through && [...cause.through, -1];
        return cause.by || [];
    };

    /** Whether there is a value that is no plain one: operations, or an event. */
    function hasSpecial(mods) {
        return Object.values(mods).some(props =>
            Object.entries(props).some(([prop, value]) => dd.isEvent(prop, value) || dd.isPatch(value))
        );
    }

    function touches(one, other) {
        return Object.keys(other).some(id => id in one && Object.keys(other[id]).some(prop => prop in one[id]));
    }
})();
