// @ts-check
/** What the person is told: a bar for the state of the connection, and short notices. In a shadow root, so that no style of
 * the app's reaches it. */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const SHOWN_MS = 8000;
    const MOST = 4;
    const STYLE = `
        :host { all: initial; }
        .bar, .notice { font: 14px/1.4 system-ui, sans-serif; color: #fff; box-sizing: border-box; }
        .bar { position: fixed; z-index: 2147483646; left: 50%; top: 8px; transform: translateX(-50%);
               width: max-content; max-width: calc(100vw - 16px); padding: 6px 14px; border-radius: 16px; background: #7a4b00;
               box-shadow: 0 2px 8px #0005; display: none; }
        .bar.shown { display: block; }
        .bar.error { background: #9b1c1c; }
        .bar::before { content: ""; display: inline-block; width: 8px; height: 8px; margin-right: 8px;
               border-radius: 50%; background: #ffd27a; animation: beat 1.2s infinite; }
        .notices { position: fixed; z-index: 2147483647; right: 12px; bottom: calc(12px + var(--dash-devices-foot, 0px)); width: min(380px, calc(100vw - 24px)); }
        .notice { margin-top: 8px; padding: 10px 36px 10px 14px; border-radius: 6px; background: #243447; position: relative;
               box-shadow: 0 2px 8px #0005; overflow-wrap: anywhere; max-height: 40vh; overflow-y: auto; }
        .notice.error { background: #8f1d1d; } .notice.warning { background: #7a4b00; }
        .notice b { display: block; }
        .notice button { position: absolute; right: 4px; top: 4px; width: 28px; height: 28px; border: 0; cursor: pointer;
               background: none; color: inherit; font-size: 18px; }
        @keyframes beat { 50% { opacity: .3; } }
        @media (prefers-reduced-motion: reduce) { .bar::before { animation: none; } }
    `;

    dd.Notices = class Notices {
        constructor() {
            this._root = null;
            this._states = new Map();
        }

        _open() {
            if (!this._root) {
                const host = document.createElement('div');
                host.id = '_dash-devices-notices';
                host.lang = dd.spoken();
                this._root = host.attachShadow({mode: 'open'});
                this._root.innerHTML =
                    `<style>${STYLE}</style><div class="bar" role="status"></div>` +
                    '<div class="notices" role="log" aria-live="polite"></div>';
                document.documentElement.appendChild(host);
            }
            return this._root;
        }

        /**
         * Show what delays the page, until it is over. Of several states the kernel's is shown, which explains the others,
         * or else the first. That the page is over HTTP, which lasts, is shown if there is nothing else.
         * @param {string} name @param {string} text empty: it is over @param {string} [level]
         */
        state(name, text, level = '') {
            if (text) this._states.set(name, {text, level});
            else this._states.delete(name);
            if (!this._root && !text) return;
            const bar = /** @type {HTMLElement} */ (this._open().querySelector('.bar'));
            const [other] = [...this._states].filter(([each]) => each !== 'http').map(([, state]) => state);
            const first = this._states.get('kernel') || other || this._states.get('http');
            bar.className = `bar ${first ? `shown ${first.level}` : ''}`;
            bar.textContent = first ? first.text : '';
        }

        /** Show a notice. @param {string} level @param {string} text @param {string} [title] */
        show(level, text, title = '') {
            const list = /** @type {HTMLElement} */ (this._open().querySelector('.notices'));
            const notice = document.createElement('div');
            notice.className = `notice ${level}`;
            const head = document.createElement('b');
            head.textContent = title;
            const close = document.createElement('button');
            close.textContent = '×';
            close.setAttribute('aria-label', dd.text('close'));
            close.onclick = () => notice.remove();
            notice.append(...(title ? [head] : []), text, close);
            list.append(notice);
            while (list.children.length > MOST) list.firstChild?.remove();
            setTimeout(() => notice.remove(), SHOWN_MS);
        }
    };
})();
