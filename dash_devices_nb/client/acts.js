// @ts-check
/**
 * Decide whose act a component's change is: this page's person's, or nobody's.
 *
 * A change is an act if it is made during an input event, or by a component that had one since the app last changed or mounted
 * it (a debounced input commits later, an upload reads its file). Otherwise the first change of a prop is the component's
 * reaction to the app: a slider's `drag_value` follows `value`, a toast closes after its duration. A second change is
 * unprompted, and counts as an act of the page again.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const HOVERING = ['pointermove', 'mousemove', 'pointerover', 'mouseover', 'pointerout', 'mouseout'];
    const FOCUS = ['focus', 'blur', 'focusin', 'focusout'];
    const INPUT = (
        'pointerdown pointerup pointercancel mousedown mouseup click dblclick auxclick contextmenu touchstart touchmove touchend ' +
        'keydown keypress keyup wheel beforeinput input change submit reset dragstart dragend dragover drop paste cut copy compositionend'
    ).split(' ');
    /** Events that come in streams, each the last one in its task. */
    const STREAMS = ['pointermove', 'mousemove', 'touchmove', 'wheel', 'dragover', 'beforeinput', 'input'];
    /** Components that act for their page without being touched. */
    const UNPROMPTED = new Set(
        ('Interval Location Geolocation ConfirmDialog ConfirmDialogProvider EventListener Keyboard Gamepad WebSocket EventSource SSE ' +
            'DashPlayer Player').split(' ')
    );
    /** Changes within this time belong to one reaction: a component may report a prop more than once while it settles. */
    const SETTLES_MS = 500;
    /** A focus change within this time after a change by the app was caused by it. */
    const MOVED_MS = 100;
    const PERSON = {person: true};
    const RESTORED = {restored: true};

    dd.Acts = class Acts {
        /**
         * @param {(id: string) => void} before called for each component in which a person begins to act
         * @param {(path: any[]) => Iterable<string>} around the ids of the components around an event's target
         */
        constructor(before, around) {
            this._before = before;
            this._around = around;
            /** The state of components, by id. @type {Map<string, {cause: any, at: number, acted: boolean, actedAt?: number, said: Set<string>}>} */
            this._known = new Map();
            /** Whether an input event is being handled. */
            this._during = false;
            /** Whether other events may follow in the same task of the browser, as a change follows a key. */
            this.goesOn = false;
            this._applied = -Infinity;
            /** Whether a component restores a persisted value. */
            this._restoring = false;
            /** The program's rules, by "id\nprop". @type {Map<string, string>} */
            this._rules = new Map();
            /** The same for patterns. @type {[any, string, string][]} */
            this._patterns = [];
            this._channel = new MessageChannel();
            this._channel.port1.onmessage = () => (this._during = this.goesOn = false);
            for (const type of [...HOVERING, ...FOCUS, ...INPUT])
                window.addEventListener(type, event => this._event(event), {capture: true, passive: true});
        }

        /** Set the program's rules for props: "page", "once" or "never". @param {[any, string, string][]} rules */
        rule(rules) {
            this._rules.clear();
            this._patterns = rules.filter(([id]) => typeof id !== 'string');
            for (const [id, prop, kind] of rules) if (typeof id === 'string') this._rules.set(`${id}\n${prop}`, kind);
        }

        /** @param {any} event */
        _event(event) {
            const hovering = HOVERING.includes(event.type) && !event.buttons;
            const moved = FOCUS.includes(event.type) && !this._during && performance.now() - this._applied < MOVED_MS;
            if (moved) return;
            if (!hovering && !this._during) {
                this._during = true;
                this._channel.port2.postMessage(0);
            }
            if (!hovering) this.goesOn = !STREAMS.includes(event.type);
            const path = event.composedPath();
            // A field or an overlay has another id than its component, or none.
            const ids = new Set(this._around(path));
            for (const {id} of path) if (typeof id === 'string' && id) ids.add(id);
            for (const id of ids) {
                const known = this._of(id);
                known.acted = true;
                known.actedAt = performance.now();
                if (!hovering) this._before(id);
            }
        }

        _of(id) {
            let known = this._known.get(id);
            if (!known) this._known.set(id, (known = {cause: {initial: true}, at: performance.now(), acted: false, said: new Set()}));
            return known;
        }

        /** Record that the app or a callback has changed or added a component. @param {string} id @param {any} cause */
        changed(id, cause) {
            const at = (this._applied = performance.now());
            this._known.set(id, {cause, at, acted: false, said: new Set()});
            this._during = false;
        }

        /** Record that a person has acted in a component that has not reported it yet. @param {string} id */
        acted(id) {
            this._of(id).acted = true;
        }

        /** Reset everything: the layout is loaded again. */
        clear() {
            this._known.clear();
        }

        /** Run an action that restores persisted values. @param {() => void} action */
        restoring(action) {
            this._restoring = true;
            try {
                action();
            } finally {
                this._restoring = false;
            }
        }

        /**
         * Group a component's changed props by their cause.
         * @param {string} id @param {{type: string, props: any}} component @param {object} props
         * @returns {[any, object][]}
         */
        causesOf(id, component, props) {
            /** @type {[any, any][]} */
            const groups = [];
            for (const prop in props) {
                const cause = this._cause(id, component, prop);
                const key = JSON.stringify(cause);
                const group = groups.find(([other]) => JSON.stringify(other) === key);
                if (group) group[1][prop] = props[prop];
                else groups.push([cause, {[prop]: props[prop]}]);
            }
            return groups;
        }

        _cause(id, {type, props}, prop) {
            const rule = this._ruleOf(id, prop);
            if (rule === 'page') return PERSON;
            if (rule === 'never' || this._restoring) return RESTORED;
            const aimed = this._aimed(id, props.target);
            const known = this._of(id);
            if (rule !== 'once') {
                const again = known.said.has(prop) && performance.now() - known.at > SETTLES_MS;
                if (this._during || known.acted || aimed || again || UNPROMPTED.has(type)) return PERSON;
            }
            known.said.add(prop);
            const plain = known.cause.person && !known.cause.through;
            return plain && rule !== 'once' ? PERSON : {...(plain ? {initial: true} : known.cause), said: true};
        }

        /** Whether a person has acted in this component's target (of a popover, for example) since the app changed it. */
        _aimed(id, target) {
            if (target === undefined || target === null) return false;
            const {acted, actedAt = 0} = this._known.get(dd.stringifyId(target)) || {};
            const known = this._known.get(id);
            return Boolean(acted) && (!known || actedAt > known.at);
        }

        _ruleOf(id, prop) {
            const rule = this._rules.get(`${id}\n${prop}`);
            if (rule || !this._patterns.length) return rule;
            const found = this._patterns.find(([pattern, name]) => name === prop && dd.matches(pattern, id));
            return found && found[2];
        }
    };
})();
