// @ts-check
/**
 * Images that come as bytes: in an `html.Img` as the URL of a blob, or as pixels on an `html.Canvas`.
 *
 * The app sends the next image for a place when this one is shown. An image for a component that is not in the document
 * (yet) is kept, the newest for each place, and shown when the component comes; so is the last one, for a component that
 * a callback puts in the place of the one that showed it.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const LOOK_MS = 100;
    const REVOKE_MS = 1000;

    dd.Images = class Images {
        /**
         * @param {{props: (id: string) => any, setQuietly: (id: string, prop: string, value: any) => void}} renderer
         */
        constructor(renderer) {
            this._renderer = renderer;
            /** How to draw the last image once more, by place. @type {Map<string, {id: string, again: () => void}>} */
            this._last = new Map();
            /** The URL that is shown, by place. @type {Map<string, string>} */
            this._urls = new Map();
            /** What waits for its component, by place. @type {Map<string, {id: string, draw: () => void}>} */
            this._waiting = new Map();
            this._timer = 0;
        }

        /**
         * @param {{id: string, prop: string, mime: string, w: number, h: number, d: number}} header
         * @param {Uint8Array} bytes
         * @param {() => void} shown called when the next one may come
         */
        show(header, bytes, shown) {
            const place = `${header.id}.${header.prop}`;
            if (header.mime === 'raw') {
                /** @type {Element|null} */
                let canvas = null;
                const draw = () => {
                    const there = document.getElementById(header.id);
                    if (there !== canvas) drawRaw((canvas = there), header, bytes);
                };
                this._last.set(place, {id: header.id, again: draw});
                this._whenThere(place, header.id, draw);
                requestAnimationFrame(shown);
                return;
            }
            const url = URL.createObjectURL(new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (bytes)], {type: header.mime}));
            const image = new Image();
            image.onload = image.onerror = () => {
                const before = this._urls.get(place);
                const set = () => this._renderer.setQuietly(header.id, header.prop, url);
                this._urls.set(place, url);
                this._last.set(place, {
                    id: header.id,
                    again: () => (this._renderer.props(header.id) || {})[header.prop] || set()
                });
                this._whenThere(place, header.id, set);
                if (before) setTimeout(() => URL.revokeObjectURL(before), REVOKE_MS);
                shown();
            };
            image.src = url;
        }

        /** Components have come: those that took the place of others show the last image too. */
        again() {
            if (!this._last.size) return;
            requestAnimationFrame(() => {
                for (const {id, again} of this._last.values()) if (document.getElementById(id)) again();
            });
        }

        /** Draw now, or when the component is in the document. @param {string} place @param {string} id @param {() => void} draw */
        _whenThere(place, id, draw) {
            if (document.getElementById(id)) {
                this._waiting.delete(place);
                draw();
                return;
            }
            this._waiting.set(place, {id, draw});
            this._look();
        }

        _look() {
            if (this._timer || !this._waiting.size) return;
            this._timer = window.setTimeout(() => {
                this._timer = 0;
                for (const [place, {id, draw}] of [...this._waiting]) this._whenThere(place, id, draw);
                this._look();
            }, LOOK_MS);
        }
    };

    /** Draw bytes of grey, RGB or RGBA pixels on a canvas. */
    function drawRaw(canvas, {w, h, d}, bytes) {
        if (!(canvas instanceof HTMLCanvasElement)) return;
        if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, {width: w, height: h});
        const pixels = new Uint8ClampedArray(4 * w * h);
        for (let from = 0, to = 0; to < pixels.length; from += d, to += 4) {
            pixels[to] = bytes[from];
            pixels[to + 1] = bytes[from + (d > 1 ? 1 : 0)];
            pixels[to + 2] = bytes[from + (d > 1 ? 2 : 0)];
            pixels[to + 3] = d === 4 ? bytes[from + 3] : 255;
        }
        canvas.getContext('2d')?.putImageData(new ImageData(pixels, w, h), 0, 0);
    }
})();
