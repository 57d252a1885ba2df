// @ts-check
/**
 * Images sent as bytes: shown in an `html.Img` as a blob URL, or drawn on an `html.Canvas`. Videos: see `videos.js`.
 *
 * The app sends the next image for a prop when this one is shown. The newest image for a component that is not in the document
 * yet is kept, and shown when the component appears. The last image is also kept, for a component that a callback puts in
 * place of the one that showed it.
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
            /** How many images, and other values, each place has been given: one that is decoded late is not shown any more. @type {Map<string, number>} */
            this._turns = new Map();
            /** Redraws the last image, by prop. @type {Map<string, {id: string, again: () => void}>} */
            this._last = new Map();
            /** The URL that is shown, by prop. @type {Map<string, string>} */
            this._urls = new Map();
            /** Images that wait for their components, by prop. @type {Map<string, {id: string, draw: () => void}>} */
            this._waiting = new Map();
            this._timer = 0;
            this._videos = new dd.Videos((place, id, draw) => this._whenThere(place, id, draw));
        }

        /**
         * @param {ImageHeader} header
         * @param {Uint8Array} bytes
         * @param {(count?: number, lacks?: 'key' | 'images') => void} shown called when the next image may be sent
         */
        show(header, bytes, shown) {
            const place = `${header.id}.${header.prop}`;
            const turn = (this._turns.get(place) || 0) + 1;
            this._turns.set(place, turn);
            if (header.v) {
                this._last.delete(place);
                this._waiting.delete(place);
                return this._videos.show(header, bytes, shown);
            }
            this._videos.end(place);
            if (header.mime === 'raw') {
                /** @type {Element|null} */
                let canvas = null;
                const draw = () => {
                    const there = document.getElementById(header.id);
                    if (there !== canvas) drawRaw((canvas = there), header, bytes);
                };
                this._last.set(place, {id: header.id, again: draw});
                this._whenThere(place, header.id, draw);
                requestAnimationFrame(() => shown());
                return;
            }
            const url = URL.createObjectURL(new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (bytes)], {type: header.mime}));
            const image = new Image();
            image.onload = image.onerror = () => {
                if (this._turns.get(place) !== turn) {
                    URL.revokeObjectURL(url);
                    shown();
                    return;
                }
                this._revoke(place);
                /** @type {Element|null} */
                let canvas = null;
                const set = () => {
                    const there = document.getElementById(header.id);
                    if (!(there instanceof HTMLCanvasElement)) this._renderer.setQuietly(header.id, header.prop, url);
                    else if (there !== canvas) drawImage((canvas = there), image);
                };
                this._urls.set(place, url);
                this._last.set(place, {
                    id: header.id,
                    again: () => (this._renderer.props(header.id) || {})[header.prop] === url || set()
                });
                this._whenThere(place, header.id, set);
                shown();
            };
            image.src = url;
        }

        /** A place has got another value: the image before is not shown any more. @param {string} id @param {string} prop */
        replaced(id, prop) {
            const place = `${id}.${prop}`;
            const turn = this._turns.get(place);
            if (turn === undefined) return;
            this._turns.set(place, turn + 1);
            this._last.delete(place);
            this._waiting.delete(place);
            this._revoke(place);
        }

        /** Keep no image for components that replace others. */
        forget() {
            this._last.clear();
            this._waiting.clear();
        }

        /** Let the image go that a place has shown, once the component shows something else. @param {string} place */
        _revoke(place) {
            const before = this._urls.get(place);
            this._urls.delete(place);
            if (before) setTimeout(() => URL.revokeObjectURL(before), REVOKE_MS);
        }

        /** Show the last images again in components that have replaced others. */
        again() {
            if (!this._last.size && !this._videos.any) return;
            requestAnimationFrame(() => {
                this._videos.again();
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

    /** Draw an image that is loaded. @param {HTMLCanvasElement} canvas @param {HTMLImageElement} image */
    function drawImage(canvas, image) {
        const {naturalWidth: width, naturalHeight: height} = image;
        if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
        canvas.getContext('2d')?.drawImage(image, 0, 0);
    }

    /** Draw grey, RGB or RGBA pixels on a canvas. @param {any} canvas @param {ImageHeader} header @param {Uint8Array} bytes */
    function drawRaw(canvas, {w = 0, h = 0, d = 1}, bytes) {
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
