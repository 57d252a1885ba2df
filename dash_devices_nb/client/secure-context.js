// @ts-check
/**
 * What browsers keep from a page that came over plain HTTP: a program that uses it says so in a notice.
 *
 * Browsers have some interfaces only in secure contexts (HTTPS, or localhost): `https://www.w3.org/TR/secure-contexts/`. Where a
 * program uses one is seen by the texts of its clientside functions, and by what it asks of the browser. No interface is changed in
 * what it does; a page in a secure context is left alone.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const MOTION = 'motion sensors';
    const POSITION = 'position';
    const MOVES = /^device(motion|orientation)/;
    /** What is missing, by how a program's script names it. @type {[string, RegExp][]} */
    const NAMED = [
        [MOTION, /\b(Device(Motion|Orientation)Event|device(motion|orientation)(absolute)?|(LinearAcceleration|Gravity|(Absolute|Relative)Orientation)Sensor|Accelerometer|Gyroscope|Magnetometer)\b/],
        [POSITION, /\b(getCurrentPosition|watchPosition)\b/],
        ['camera or microphone', /\bgetUserMedia\b/],
        ['gamepads', /\bgetGamepads\b/],
        ['Bluetooth, USB or serial devices', /\bnavigator\s*\.\s*(bluetooth|usb|serial|hid)\b/]
    ];

    dd.SecureContext = class SecureContext {
        /** @param {(text: string) => void} tell shows a notice */
        constructor(tell) {
            this._tell = tell;
            /** What was told. @type {Set<string>} */
            this._told = new Set();
            if (!window.isSecureContext) this._listen();
        }

        /** An image has come in the place of a video. */
        video() {
            if (!window.isSecureContext) this._lacks('video', 'decodes no video for this page, which shows single images instead');
        }

        /** Look through the program's clientside functions. */
        look() {
            if (window.isSecureContext) return;
            for (const functions of Object.values(window.dash_clientside || {})) {
                if (functions === null || typeof functions !== 'object') continue;
                for (const each of Object.values(functions)) if (typeof each === 'function') this._lookAt(String(each));
            }
        }

        /** @param {string} text */
        _lookAt(text) {
            for (const [what, names] of NAMED) if (names.test(text)) this._has(what);
        }

        /** Notice what components and scripts ask for. */
        _listen() {
            const [has, add] = [what => this._has(what), window.addEventListener];
            window.addEventListener = /** @type {any} */ (
                function (type, ...rest) {
                    if (MOVES.test(type)) has(MOTION);
                    return add.call(this || window, type, .../** @type {[any]} */ (rest));
                }
            );
            const asked = /** @type {any} */ (window.Geolocation ? window.Geolocation.prototype : {});
            for (const name of ['getCurrentPosition', 'watchPosition']) {
                const stock = asked[name];
                if (!stock) continue;
                asked[name] = function (...given) {
                    has(POSITION);
                    return stock.apply(this, given);
                };
            }
        }

        /** @param {string} what */
        _has(what) {
            this._lacks(what, `gives this page no ${what}`);
        }

        /** @param {string} what @param {string} text */
        _lacks(what, text) {
            if (this._told.has(what)) return;
            this._told.add(what);
            this._tell(`Over plain HTTP the browser ${text}. An address that begins with https:// is needed for that.`);
        }
    };
})();
