// @ts-check
/**
 * The small bar that shows who has control, with a button to request or return it, and the form that asks a guest for a name
 * once. Both are in a shadow root. Names are inserted as text.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const WHY_MS = 1800;
    const STYLE = `
        :host { all: initial; }
        * { box-sizing: border-box; -webkit-tap-highlight-color: transparent; font: 14px/1.35 system-ui, sans-serif; }
        .foot { position: fixed; z-index: 2147483645; left: 12px; bottom: 12px; display: none; align-items: center; gap: 8px;
                max-width: calc(100vw - 24px); min-height: 40px; padding: 4px 6px 4px 12px; border-radius: 20px; color: #fff;
                background: #243447; box-shadow: 0 2px 8px #0005; }
        .foot.shown { display: flex; }
        form:not([hidden]) ~ .foot { display: none; }
        .foot.mine { background: #14622f; }
        .dot { flex: none; width: 10px; height: 10px; padding: 0; border: 0; border-radius: 50%; background: #ffd27a; cursor: pointer;
               position: relative; }
        .dot::after { content: ""; position: absolute; inset: -14px -10px; }
        .mine .dot, .may .dot { background: #7de29b; }
        .text { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; padding-right: 6px; min-width: 0; }
        .clock { flex: none; opacity: .85; font-variant-numeric: tabular-nums; padding-right: 6px; }
        .clock:empty { display: none; }
        @media (max-width: 480px) {
            .text { white-space: normal; overflow-wrap: anywhere; max-height: 2.7em; }
            .text b { display: inline-block; max-width: 7em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
                      vertical-align: bottom; }
        }
        .text b { font-weight: 600; }
        .text b:not(:empty) + span:not(:empty)::before { content: " · "; opacity: .7; }
        .foot button.act { flex: none; min-height: 32px; padding: 4px 12px; border: 0; border-radius: 16px; cursor: pointer;
               color: #16202c; background: #fff; white-space: nowrap; }
        .foot button.act:hover { background: #e3ebf5; }
        button:focus-visible, input:focus-visible { outline: 2px solid #6db3ff; outline-offset: 2px; }
        .foot.small { min-height: 0; padding: 9px; }
        .foot.small .text, .foot.small .clock, .foot.small button.act { display: none; }
        .why { position: fixed; z-index: 2147483645; padding: 5px 10px; border-radius: 6px; color: #fff; background: #16202ce6;
               pointer-events: none; transform: translate(-50%, -100%); white-space: nowrap; opacity: 0; visibility: hidden; transition: opacity .15s; }
        .why.shown { opacity: 1; visibility: visible; }
        form { position: fixed; z-index: 2147483646; left: 12px; bottom: 12px; width: min(340px, calc(100vw - 24px)); padding: 16px;
               border-radius: 12px; color: #16202c; background: #fff; border: 1px solid #0002; box-shadow: 0 6px 28px #0005; }
        form[hidden] { display: none; }
        label { display: block; margin-bottom: 8px; font-weight: 600; }
        small { display: block; margin: 6px 0 12px; font-size: 12px; color: #5a6675; }
        input { width: 100%; min-height: 40px; padding: 6px 10px; font-size: 16px; color: #16202c; border: 1px solid #8a97a8; border-radius: 8px;
                background: #fff; }
        .row { display: flex; gap: 8px; }
        .row button { min-height: 40px; padding: 6px 16px; border: 0; border-radius: 8px; cursor: pointer; background: #e8edf3; color: #16202c; }
        .row button.main { flex: 1; background: #1c5fb8; color: #fff; font-weight: 600; }
        @media (max-width: 480px) { form { width: auto; right: 12px; } }
        @media (prefers-reduced-motion: reduce) { .why { transition: none; } }
    `;
    const body = () => `<form hidden><label for="name">${dd.text('askName')}</label>
        <input id="name" autocomplete="name" placeholder="${dd.text('yourName')}"><small>${dd.text('nameSeen')}</small>
        <div class="row"><button class="main" type="submit">${dd.text('join')}</button><button type="button" class="later">${dd.text('notNow')}</button></div></form>
        <div class="foot"><button class="dot" aria-label="${dd.text('toggleControl')}"></button>
        <span class="text" role="status"><b></b><span></span></span><span class="clock" aria-hidden="true"></span><button class="act"></button></div><div class="why" role="tooltip"></div>`;

    dd.FloorBar = class FloorBar {
        /** @param {{send: Send, prefix: string, longestName: number}} page */
        constructor(page) {
            this._page = page;
            this._key = `dash-devices-name:${page.prefix}`;
            this._root = null;
            /** What the app said last. @type {RoleFrame} */
            this._frame = /** @type {any} */ (null);
            this._deadline = 0;
            this._tick = 0;
            this._whyTimer = 0;
            this._nameRequested = false;
        }

        /** The app says what this page may do, and who has the floor. @param {RoleFrame} frame */
        receive(frame) {
            this._frame = frame;
            this._deadline = frame.left === null ? 0 : performance.now() + frame.left * 1000;
            if (frame.ask) this._askName();
            else if (this._root) this._at('form').hidden = true;
            this._show();
        }

        /** The app will not have this page any more: nobody asks here, nor gives a name. */
        ended() {
            if (!this._root) return;
            clearTimeout(this._tick);
            this._at('form').hidden = true;
            this._at('.foot').classList.remove('shown');
            document.documentElement.style.setProperty('--dash-devices-foot', '0px');
        }

        /** Say why something is off, above it. @param {string} text @param {DOMRect} at */
        why(text, at) {
            const bubble = this._at('.why');
            bubble.textContent = text;
            bubble.style.left = `${Math.min(Math.max(at.left + at.width / 2, 80), window.innerWidth - 80)}px`;
            bubble.style.top = `${Math.max(at.top - 4, 32)}px`;
            bubble.classList.add('shown');
            clearTimeout(this._whyTimer);
            const hide = () => bubble.classList.remove('shown');
            this._whyTimer = window.setTimeout(hide, WHY_MS);
            document.addEventListener('scroll', hide, {capture: true, once: true, passive: true});
        }

        _at(selector) {
            if (!this._root) {
                const host = document.createElement('div');
                host.id = '_dash-devices-floor';
                host.lang = dd.spoken();
                this._root = host.attachShadow({mode: 'open'});
                this._root.innerHTML = `<style>${STYLE}</style>${body()}`;
                document.documentElement.appendChild(host);
                this._at('input').maxLength = this._page.longestName;
                this._at('.dot').onclick = () => this._at('.foot').classList.toggle('small');
                this._at('.act').onclick = () => this._act();
                this._at('form').onsubmit = event => this._submitName(event);
                this._at('.later').onclick = () => (this._at('form').hidden = true);
            }
            return /** @type {any} */ (this._root.querySelector(selector));
        }

        _show() {
            clearTimeout(this._tick);
            const [text, action] = labels(this._frame);
            const seconds = Math.max(0, Math.ceil((this._deadline - performance.now()) / 1000));
            const {mine, rights, guest, name} = this._frame;
            const shown = Boolean(text || (guest && name));
            if (!this._root && !shown) return;
            const foot = this._at('.foot');
            foot.classList.toggle('shown', shown);
            foot.classList.toggle('mine', mine);
            foot.classList.toggle('may', rights !== 'view');
            document.documentElement.style.setProperty('--dash-devices-foot', shown ? '48px' : '0px');
            set(this._at('.text b'), guest ? name : '');
            set(this._at('.text b + span'), text);
            set(this._at('.clock'), this._deadline ? `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}` : '');
            const button = this._at('.act');
            button.hidden = !action;
            button.style.display = action ? '' : 'none';
            set(button, action);
            if (shown && this._deadline) this._tick = window.setTimeout(() => this._show(), 500);
        }

        _act() {
            this._page.send({t: 'floor', want: !this._frame.mine && !this._frame.place});
        }

        _askName() {
            const kept = stored(this._key);
            if (kept) this._page.send({t: 'name', name: kept});
            else if (!this._nameRequested) {
                this._at('form').hidden = false;
                this._at('input').placeholder = this._frame.name || dd.text('yourName');
            }
            this._nameRequested = true;
        }

        _submitName(event) {
            event.preventDefault();
            const name = this._at('input').value.trim().slice(0, this._page.longestName);
            if (!name) {
                this._at('input').focus();
                return;
            }
            this._at('form').hidden = true;
            store(this._key, name);
            this._page.send({t: 'name', name});
        }
    };

    /** What the bar says, and what its button does. @returns {[string, string]} empty: nothing */
    function labels(frame) {
        const asking = frame.asking ? dd.text(frame.asking === 1 ? 'asksOne' : 'asks', frame.asking) : '';
        if (frame.mine) return [dd.text('mine'), frame.role === 'owner' ? '' : dd.text('giveBack')];
        const who = frame.floor === 'locked' ? dd.text('holds', frame.holder) : '';
        if (frame.role === 'owner') {
            const closed = frame.floor === 'closed' ? dd.text('onlyYou') : '';
            return [[who || closed, asking].filter(Boolean).join(', '), ''];
        }
        if (frame.rights !== 'view') return [frame.guest ? dd.text('mayAct') : '', ''];
        if (frame.place) return [`${who ? `${who}; ` : ''}${dd.text('place', frame.place)}`, dd.text('cancel')];
        return [who || dd.whyOff(frame), dd.text('request')];
    }

    function set(element, text) {
        if (element.textContent !== text) element.textContent = text;
    }

    /** Storage may be refused to a frame of another site: then a name is asked for each time. */
    function stored(key) {
        try {
            return localStorage.getItem(key) || '';
        } catch {
            return '';
        }
    }

    function store(key, name) {
        try {
            localStorage.setItem(key, name);
        } catch (error) {
            console.info('dash_devices_nb: the browser keeps no name for this page:', error);
        }
    }
})();
