// @ts-check
/**
 * The permissions of this page's person: forbidden controls are visibly off, and go on as soon as they are permitted.
 *
 * The app decides and refuses; this only keeps people from trying in vain. A control is turned off by `inert` on its element,
 * which blocks pointer, touch and keyboard. Elements that hold other controls, and graphs, are only marked. The renderer may
 * replace elements at any time; an observer marks the new ones.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const RANKS = {none: -1, view: 0, control: 1, owner: 2};
    const LOOK_MS = 80;
    const MARK = 'data-dash-devices-off';
    /** Props that programs set and people do not. */
    const DISPLAYED = new Set(
        ('children figure style className title src href options marks min max step disabled hidden label labels placeholder ' +
            'columns color loading_state id key lang dir').split(' ')
    );
    /** Components that change by themselves, with nobody acting. */
    const BY_THEMSELVES = new Set(['Interval', 'Location', 'Store', 'Loading', 'Geolocation']);
    /** Where a component's id is on a part of it: what is the whole. */
    const WHOLE = '.dash-input-container, .dash-dropdown-wrapper, .dash-datepicker-input-wrapper';
    const CONTROLS = 'input, select, textarea, button, a[href], [tabindex], .js-plotly-plot';
    const STYLE = `
        [${MARK}] { opacity: .5; filter: grayscale(.7); cursor: not-allowed; transition: opacity .15s, filter .15s; }
        [${MARK}="marked"] { opacity: 1; filter: none; cursor: auto; }
        @media (prefers-reduced-motion: reduce) { [${MARK}] { transition: none; } }
    `;

    dd.Permissions = class Permissions {
        /** @param {{renderer: any, shared: any, why: (text: string, at: DOMRect) => void}} page `why` says it where somebody tries */
        constructor(page) {
            this._page = page;
            this._rights = 'owner';
            /** The most that anything needs here: who may that has nothing off. */
            this._highest = RANKS.control;
            this._restricted = false;
            this._text = '';
            /** What props need that a person changes, by "id\nprop". @type {Map<string, {shared: number, own: number}>} */
            this._plain = new Map();
            /** The same for patterns. @type {{pattern: any, prop: string, rank: number, shared: boolean}[]} */
            this._patterns = [];
            /** What is off: the element, and its attributes before. @type {Map<Element, {inert: boolean, aria: string|null}>} */
            this._off = new Map();
            this._timer = 0;
            this._observer = new MutationObserver(() => this.scheduleUpdate());
            this._styled = false;
            document.addEventListener('pointerdown', event => this._explain(event), true);
        }

        /** The app says what this page may do. @param {RoleFrame} frame */
        receive(frame) {
            this._rights = frame.rights;
            this._text = dd.whyOff(frame);
            if (frame.needs) this._setRequirements(frame.needs);
            this._restricted = RANKS[this._rights] < this._highest;
            this.update();
        }

        /** The app will not have this page any more: nobody acts here, who could before. */
        ended() {
            this._rights = 'none';
            this._text = dd.text('pageClosed');
            this._restricted = true;
            this.update();
        }

        _setRequirements(needs) {
            this._plain.clear();
            this._patterns = [];
            this._highest = Math.max(RANKS.control, ...needs.map(([, , role]) => RANKS[role]));
            for (const [ref, prop, role, shared] of needs) {
                const rank = RANKS[role];
                if (typeof ref !== 'string') {
                    this._patterns.push({pattern: ref, prop, rank, shared: Boolean(shared)});
                    continue;
                }
                const known = this._plain.get(`${ref}\n${prop}`) || {shared: -1, own: 0};
                if (shared) known.shared = Math.max(known.shared, rank);
                else known.own = Math.max(known.own, rank);
                this._plain.set(`${ref}\n${prop}`, known);
            }
        }

        /** Whether a change of this prop is beyond what this page may do. @param {string} id @param {string} prop */
        lacks(id, prop) {
            if (!this._restricted) return false;
            let {shared, own} = this._plain.get(`${id}\n${prop}`) || {shared: -1, own: 0};
            for (const each of this._patterns) {
                if (each.prop !== prop || !dd.matches(each.pattern, id)) continue;
                if (each.shared) shared = Math.max(shared, each.rank);
                else own = Math.max(own, each.rank);
            }
            if (shared < 0) shared = this._page.shared.has(id, prop) ? RANKS.control : 0;
            return Math.max(shared, own) > RANKS[this._rights];
        }

        /** Whether nobody acted, but a component did by itself what this page may not. @param {string} id @param {string} prop */
        _ignores(id, prop) {
            if (!this.lacks(id, prop)) return false;
            const node = this._page.renderer.node(id);
            return Boolean(node && BY_THEMSELVES.has(node.type));
        }

        /** What of a component's change is to be told the app. @param {string} id @param {object} props */
        withoutIgnored(id, props) {
            if (!this._restricted || !Object.keys(props).some(prop => this._ignores(id, prop))) return props;
            return Object.fromEntries(Object.entries(props).filter(([prop]) => !this._ignores(id, prop)));
        }

        /** Whether a callback is called for nothing but that. @param {string[]} names "id.prop" */
        ignored(names) {
            const parts = names.map(name => [name.slice(0, name.lastIndexOf('.')), name.slice(name.lastIndexOf('.') + 1)]);
            return this._restricted && parts.length > 0 && parts.every(([id, prop]) => this._ignores(id, prop));
        }

        /** Look soon: elements, or what is shared, may be others. */
        scheduleUpdate() {
            if (this._restricted && !this._timer) this._timer = window.setTimeout(() => this.update(), LOOK_MS);
        }

        /** Mark what is off now, and only that. */
        update() {
            clearTimeout(this._timer);
            this._timer = 0;
            const {renderer} = this._page;
            const off = new Map();
            if (this._restricted && renderer.hydrated) {
                for (const [id, prop] of this._candidates()) {
                    if (DISPLAYED.has(prop) || !this.lacks(id, prop)) continue;
                    const part = document.getElementById(id);
                    if (part) off.set(part.closest(WHOLE) || part, renderer.node(id));
                }
            }
            for (const element of [...this._off.keys()]) if (!off.has(element)) this._enable(element);
            for (const [element, node] of off) if (!this._off.has(element)) this._disable(element, node);
            if (!this._restricted) this._observer.disconnect();
            else this._observer.observe(document.body, {childList: true, subtree: true});
        }

        /** The props of components in this page that may need something. @returns {Iterable<[string, string]>} */
        *_candidates() {
            for (const key of this._plain.keys()) yield /** @type {[string, string]} */ (key.split('\n'));
            const {known, patterns} = this._page.shared.refs();
            for (const key of known) yield /** @type {[string, string]} */ (key.split('\n'));
            const all = [...patterns, ...this._patterns.map(each => [each.pattern, each.prop])];
            if (!all.length) return;
            for (const id of this._page.renderer.patternIds())
                for (const [pattern, prop] of all) if (dd.matches(pattern, id)) yield [id, prop];
        }

        _disable(element, node) {
            if (!this._styled) {
                this._styled = true;
                const style = document.createElement('style');
                style.textContent = STYLE;
                document.head.appendChild(style);
            }
            const marked = onlyMarked(element, node);
            this._off.set(element, {inert: element.inert, aria: element.getAttribute('aria-disabled')});
            element.setAttribute('aria-disabled', 'true');
            element.setAttribute(MARK, marked ? 'marked' : 'off');
            if (!marked) element.inert = true;
        }

        _enable(element) {
            const {inert, aria} = /** @type {any} */ (this._off.get(element));
            this._off.delete(element);
            element.inert = inert;
            element.removeAttribute(MARK);
            if (aria === null) element.removeAttribute('aria-disabled');
            else element.setAttribute('aria-disabled', aria);
        }

        /** Somebody points at what is off: say why. */
        _explain(event) {
            for (const element of this._off.keys()) {
                if (element.getAttribute(MARK) !== 'off') continue;
                const box = element.getBoundingClientRect();
                const inside =
                    event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
                if (inside && !covered(event.target, element)) {
                    this._page.why(this._text, box);
                    return;
                }
            }
        }
    };

    /** Whether something else lies over an element, such as one of our own notices. */
    function covered(target, element) {
        return target instanceof Element && target !== document.documentElement && !target.contains(element);
    }

    /** Whether a component is to be marked only, because it holds or shows more than its own control. */
    function onlyMarked(element, node) {
        if (!node) return false;
        if (node.type === 'Graph') return true;
        const plain = node.namespace === 'dash_html_components' && node.type !== 'Button' && node.type !== 'A';
        return plain && Boolean(element.querySelector(CONTROLS));
    }

    /** Why controls are off, for the person. @param {RoleFrame} frame */
    dd.whyOff = frame => {
        if (frame.floor === 'locked' && !frame.mine) return dd.text('holds', frame.holder);
        if (frame.floor === 'closed') return dd.text('controlsClosed');
        return frame.rights === 'view' ? dd.text('viewOnly') : dd.text('forOwner');
    };
})();
