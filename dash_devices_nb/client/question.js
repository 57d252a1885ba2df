// @ts-check
/**
 * The card with the question of `app.ask()`: options to choose from, or how many have chosen each. In a shadow root. All of
 * the program's texts are inserted as text. It never takes the focus, and can be put aside to look at the device.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const STYLE = `
        :host { all: initial; --back: #fff; --ink: #16202c; --soft: #5a6675; --line: #c3ccd8; --blue: #1c5fb8; --tint: #e6effb;
                --bar: #2f7bd8; --rail: #dde4ec; }
        @media (prefers-color-scheme: dark) {
            :host { color-scheme: dark; --back: #1f2a37; --ink: #eef2f7; --soft: #b3bfcd; --line: #4a5a6d; --blue: #8cc0ff; --tint: #24405f;
                    --bar: #5a9ff0; --rail: #3a4857; }
        }
        * { box-sizing: border-box; margin: 0; -webkit-tap-highlight-color: transparent; font: 15px/1.4 system-ui, sans-serif; }
        section { position: fixed; z-index: 2147483644; right: 12px; top: 12px; width: min(340px, calc(100vw - 24px));
                  max-height: calc(100vh - 24px); overflow-y: auto; padding: 14px 16px 14px; border-radius: 14px; color: var(--ink);
                  background: var(--back); border: 1px solid var(--line); box-shadow: 0 8px 30px #0004; }
        section[hidden] { display: none; }
        header { display: flex; align-items: flex-start; gap: 8px; }
        h2 { flex: 1; min-width: 0; font-size: 16px; font-weight: 650; overflow-wrap: anywhere; }
        .aside { flex: none; display: grid; place-items: center; width: 36px; height: 36px; margin: -8px -10px 0 0; border: 0;
                 border-radius: 18px; background: none; color: var(--soft); cursor: pointer; font-size: 20px; line-height: 1; }
        .aside:hover { background: var(--tint); }
        .options { display: grid; gap: 8px; margin-top: 12px; padding: 0; border: 0; min-width: 0; }
        label { display: flex; align-items: center; gap: 10px; min-height: 44px; padding: 8px 12px; border-radius: 10px; cursor: pointer;
                border: 1.5px solid var(--line); overflow-wrap: anywhere; }
        label:hover { background: var(--tint); }
        label:has(:checked) { border-color: var(--blue); background: var(--tint); font-weight: 600; }
        label span { font-weight: inherit; min-width: 0; }
        input { flex: none; width: 18px; height: 18px; accent-color: var(--blue); }
        .row { margin-top: 4px; }
        .row div:first-child { display: flex; justify-content: space-between; gap: 12px; overflow-wrap: anywhere; }
        .row b { font-weight: 600; font-variant-numeric: tabular-nums; }
        .row .chosen { font-weight: 600; }
        .rail { height: 10px; margin-top: 4px; border-radius: 5px; background: var(--rail); overflow: hidden; }
        .rail i { display: block; height: 100%; border-radius: 5px; background: var(--bar); transition: width .3s; }
        small { display: block; margin-top: 10px; font-size: 13px; color: var(--soft); }
        section.aside-put { width: auto; padding: 6px 8px 6px 16px; border-radius: 22px; overflow: hidden; }
        .aside-put header { align-items: center; }
        .aside-put .aside { margin: 0; }
        .aside-put h2 { max-width: 180px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 14px; }
        .aside-put .options, .aside-put small { display: none; }
        :focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; }
        .said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
        @media (max-width: 480px) {
            section { top: auto; left: 12px; bottom: calc(12px + var(--dash-devices-foot, 0px)); width: auto; max-height: 60vh; }
            section.aside-put { left: auto; }
        }
        @media (prefers-reduced-motion: reduce) { .rail i { transition: none; } }
    `;
    const BODY = `<section hidden aria-labelledby="text"><header><h2 id="text"></h2><button class="aside" type="button"></button></header>
        <div class="options"></div><small></small></section><div class="said" role="status"></div>`;

    dd.Question = class Question {
        /** @param {{send: Send}} page */
        constructor(page) {
            this._page = page;
            this._root = null;
            /** What the app said last. @type {QuestionFrame|null} */
            this._frame = null;
            /** The chosen option, until the app has answered. @type {number|null} */
            this._chosen = null;
            /** Whether the connection is new, so that an answer may not have arrived. */
            this._again = false;
            this._aside = false;
        }

        /** @param {boolean} anew whether this is another run of the app, which knows nothing of the question */
        welcomed(anew) {
            this._again = true;
            if (anew) this.ended();
        }

        /** The question, or what has become of it. @param {QuestionFrame} frame */
        receive(frame) {
            const before = this._frame;
            const other = !before || before.n !== frame.n;
            const lost = this._again && !other && frame.may && this._chosen !== null && this._chosen !== frame.mine;
            this._again = false;
            this._frame = frame;
            if (lost) {
                this._send(/** @type {number} */ (this._chosen));
                return;
            }
            this._chosen = null;
            if (other || (before && before.open && !frame.open)) this._aside = false;
            if (!frame.n && !this._root) return;
            this._show(other);
        }

        /** The app has closed this page, or has started again: nothing is asked. */
        ended() {
            this._frame = this._chosen = null;
            if (this._root) this._at('section').hidden = true;
        }

        _at(selector) {
            if (!this._root) {
                const host = document.createElement('div');
                host.id = '_dash-devices-question';
                host.lang = dd.spoken();
                this._root = host.attachShadow({mode: 'open'});
                this._root.innerHTML = `<style>${STYLE}</style>${BODY}`;
                document.documentElement.appendChild(host);
                this._at('.aside').onclick = () => {
                    this._aside = !this._aside;
                    this._show(false);
                };
            }
            return /** @type {any} */ (this._root.querySelector(selector));
        }

        /** @param {boolean} other whether it is another question than before */
        _show(other) {
            const frame = /** @type {QuestionFrame} */ (this._frame);
            const card = this._at('section');
            card.hidden = !frame.n;
            if (!frame.n) return;
            card.classList.toggle('aside-put', this._aside);
            const aside = this._at('.aside');
            aside.textContent = this._aside ? '+' : '–';
            aside.setAttribute('aria-label', dd.text(this._aside ? 'showQuestion' : 'putAside'));
            aside.setAttribute('aria-expanded', String(!this._aside));
            this._at('h2').textContent = frame.text;
            const shape = `${frame.n} ${frame.may}`;
            const options = this._at('.options');
            if (options.dataset.shape !== shape) {
                options.dataset.shape = shape;
                options.setAttribute('role', frame.may ? 'radiogroup' : 'list');
                options.setAttribute('aria-labelledby', 'text');
                options.replaceChildren(...frame.options.map((text, index) => (frame.may ? this._option(text, index) : row(text))));
            }
            if (frame.may) this._check(this._chosen === null ? frame.mine : this._chosen);
            else if (frame.counts) fill(options, frame.counts, frame.mine);
            const hint = this._hint(frame);
            this._at('small').textContent = hint;
            if (other) this._at('.said').textContent = dd.text('question', frame.text);
        }

        /** @param {QuestionFrame} frame */
        _hint(frame) {
            if (frame.may) return dd.text(frame.mine === null ? 'choose' : 'counted');
            const people = (frame.counts || []).reduce((sum, count) => sum + count, 0);
            return dd.text(`${frame.open ? 'soFar' : 'ended'}${people === 1 ? 'One' : ''}`, people);
        }

        /** @param {number|null} option */
        _check(option) {
            this._at('.options')
                .querySelectorAll('input')
                .forEach((input, index) => (input.checked = index === option));
        }

        _option(text, index) {
            const label = document.createElement('label');
            const input = document.createElement('input');
            Object.assign(input, {type: 'radio', name: 'option'});
            input.onchange = () => this._send(index);
            const words = document.createElement('span');
            words.textContent = text;
            label.append(input, words);
            return label;
        }

        /** @param {number} option */
        _send(option) {
            this._chosen = option;
            const frame = /** @type {QuestionFrame} */ (this._frame);
            this._page.send({t: 'choice', n: frame.n, option});
        }
    };

    function row(text) {
        const element = document.createElement('div');
        element.className = 'row';
        element.setAttribute('role', 'listitem');
        element.innerHTML = '<div><span></span><b></b></div><div class="rail" aria-hidden="true"><i></i></div>';
        /** @type {any} */ (element.querySelector('span')).textContent = text;
        return element;
    }

    /** @param {Element} options @param {number[]} counts @param {number|null} mine */
    function fill(options, counts, mine) {
        const people = counts.reduce((sum, count) => sum + count, 0);
        options.querySelectorAll('.row').forEach((element, index) => {
            /** @type {any} */ (element.querySelector('b')).textContent = String(counts[index]);
            /** @type {any} */ (element.querySelector('i')).style.width = `${people ? (100 * counts[index]) / people : 0}%`;
            element.classList.toggle('chosen', index === mine);
        });
    }
})();
