// A waterfall: lines of numbers as coloured rows, the newest at the top. Each line is drawn once, and moves down with the picture.
// @ts-check
(function () {
    "use strict";
    /** @type {any} */
    const page = window;
    const React = page.React;
    const h = React.createElement;
    const {useEffect, useMemo, useRef, useState} = React;

    const HISTORY = 200; // lines, as in core/props/waterfall_lines.py
    const MOST_COLUMNS = 2048; // more points are drawn by their highest: a peak of one point must be seen
    /** Colours from low to high, evenly spaced; between them they are mixed. @type {{[name: string]: string[]}} */
    const SCALES = {
        viridis: ["440154", "482878", "3e4a89", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725"],
        inferno: ["000004", "1b0c41", "4a0c6b", "781c6d", "a52c60", "cf4446", "ed6925", "fb9b06", "f7d13d", "fcffa4"],
        turbo: ["30123b", "4669db", "26bbe8", "2ff09b", "a2fc3c", "edd03a", "fb8022", "d23105", "7a0403"],
        grey: ["000000", "ffffff"],
    };

    /** 256 colours, as the pixels of a canvas hold them. @param {string[]} stops */
    function colours(stops) {
        const table = new Uint32Array(256);
        const rgb = stops.map(stop => [0, 2, 4].map(at => parseInt(stop.slice(at, at + 2), 16)));
        for (let level = 0; level < 256; level++) {
            const at = (level / 255) * (rgb.length - 1);
            const low = Math.min(Math.floor(at), rgb.length - 2);
            const [r, g, b] = rgb[low].map((each, n) => Math.round(each + (rgb[low + 1][n] - each) * (at - low)));
            table[level] = (255 << 24) | (b << 16) | (g << 8) | r;
        }
        return table;
    }

    /** The lines of a value: one line, or several. @param {any} value @returns {ArrayLike<number>[]} */
    function linesOf(value) {
        if (!value || !value.length) return [];
        const several = typeof value[0] === "object" && value[0] !== null;
        return several ? Array.from(value) : [value];
    }

    /** A line with at most so many points; several are drawn as their highest. @param {ArrayLike<number|null>} line */
    function binned(line) {
        const {length} = line;
        const columns = Math.min(length, MOST_COLUMNS);
        const result = new Float32Array(columns).fill(NaN);
        for (let at = 0; at < length; at++) {
            const value = line[at];
            const column = columns === length ? at : Math.floor((at * columns) / length);
            // A comparison with NaN, which stands for a gap, is false.
            if (value !== null && !(result[column] >= value) && !Number.isNaN(value)) result[column] = value;
        }
        return result;
    }

    /** @typedef {{given: any, lines: Float32Array[]}} Kept */
    /** The lines that a component had when it was last on the page, in a tab for example, by its id. @type {Map<string, Kept>} */
    const kept = new Map();

    /** Draws lines on a canvas. */
    class Picture {
        /** @param {HTMLCanvasElement} canvas @param {number} history @param {Uint32Array} table */
        constructor(canvas, history, table) {
            this.canvas = canvas;
            this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
            this.history = history;
            this.table = table;
            /** What the lowest and the highest colour mean. */
            this.low = NaN;
            this.high = NaN;
        }

        /** @param {Float32Array[]} lines all, oldest first @param {number|null} zmin @param {number|null} zmax */
        drawAll(lines, zmin, zmax) {
            this.canvas.width = Math.max(1, ...lines.map(line => line.length));
            this.canvas.height = this.history;
            this.setRange(lines, zmin, zmax);
            this.drawNew(lines.slice(-this.history));
        }

        /** Draw lines at the top, and move what is there down. @param {Float32Array[]} lines oldest first */
        drawNew(lines) {
            const {width} = this.canvas;
            const count = lines.length;
            if (!count) return;
            this.context.globalCompositeOperation = "copy";
            this.context.drawImage(this.canvas, 0, count);
            this.context.globalCompositeOperation = "source-over";
            const pixels = new Uint32Array(width * count);
            const scale = 255 / (this.high - this.low || 1);
            lines.forEach((line, number) => {
                const row = (count - 1 - number) * width;
                for (let at = 0; at < width; at++) {
                    const value = line[line.length === width ? at : Math.floor((at * line.length) / width)];
                    if (!Number.isNaN(value)) pixels[row + at] = this.table[Math.max(0, Math.min(255, (value - this.low) * scale)) | 0];
                }
            });
            this.context.putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), width, count), 0, 0);
        }

        /** Whether lines can be drawn among the others: not wider, and within the range. @param {Float32Array[]} lines @param {boolean} fixed */
        takes(lines, fixed) {
            if (!(this.low <= this.high) || lines.some(line => line.length > this.canvas.width)) return false;
            return fixed || lines.every(line => line.every(value => Number.isNaN(value) || (value >= this.low && value <= this.high)));
        }

        /** @param {Float32Array[]} lines @param {number|null} zmin @param {number|null} zmax */
        setRange(lines, zmin, zmax) {
            let [low, high] = [Infinity, -Infinity];
            for (const line of lines)
                for (const value of line) {
                    if (value < low) low = value;
                    if (value > high) high = value;
                }
            this.low = zmin ?? (low <= high ? low : 0);
            this.high = zmax ?? (low <= high ? high : 1);
        }
    }

    /** @param {number} value */
    const short = value => (Number.isFinite(value) ? String(Number(value.toPrecision(4))) : "–");

    /** @param {any} props */
    function Waterfall(props) {
        const {id, lines: given, addLines, history = HISTORY, zmin = null, zmax = null, colorscale = "viridis"} = props;
        const {x0 = null, x1 = null, xlabel = "", zlabel = "", height = 240, className, style} = props;
        const name = typeof id === "string" ? id : JSON.stringify(id);
        const canvas = useRef(null);
        const picture = useRef(/** @type {Picture|null} */ (null));
        /** @type {{current: Kept}} */
        const state = useRef({given: undefined, lines: []});
        const added = useRef(addLines);
        const [range, setRange] = useState([NaN, NaN]);
        const [pointed, setPointed] = useState(/** @type {{column: number, line: number}|null} */ (null));
        const table = useMemo(() => colours(SCALES[colorscale] || SCALES.viridis), [colorscale]);
        const fixed = zmin !== null && zmax !== null;

        const show = () => {
            const drawn = /** @type {Picture} */ (picture.current);
            setRange((/** @type {number[]} */ before) => (Object.is(before[0], drawn.low) && Object.is(before[1], drawn.high) ? before : [drawn.low, drawn.high]));
        };

        useEffect(() => {
            const before = kept.get(name);
            state.current = before && before.given === given ? before : {given, lines: linesOf(given).map(binned).slice(-history)};
            kept.set(name, state.current);
            const drawn = (picture.current = new Picture(/** @type {any} */ (canvas.current), history, table));
            drawn.drawAll(state.current.lines, zmin, zmax);
            show();
        }, [name, given, history, table, zmin, zmax]);

        useEffect(() => {
            const drawn = picture.current;
            if (addLines === added.current || !drawn) return;
            added.current = addLines;
            const more = linesOf(addLines).map(binned);
            if (!more.length) return;
            const {lines} = state.current;
            lines.push(...more);
            lines.splice(0, lines.length - history);
            if (drawn.takes(more, fixed)) drawn.drawNew(more.slice(-history));
            else drawn.drawAll(lines, zmin, zmax);
            show();
        }, [addLines]);

        /** @param {any} event */
        const point = event => {
            const box = event.currentTarget.getBoundingClientRect();
            const part = (event.clientX - box.left) / box.width;
            setPointed({column: part, line: Math.floor(((event.clientY - box.top) / box.height) * history)});
        };
        const line = pointed && state.current.lines[state.current.lines.length - 1 - pointed.line];
        const value = line && pointed ? line[Math.min(line.length - 1, Math.floor(pointed.column * line.length))] : NaN;
        const hasAxis = x0 !== null && x1 !== null;
        const where = pointed && hasAxis ? `${short(x0 + (x1 - x0) * pointed.column)} ${xlabel}: ` : "";
        const told = line ? `${where}${short(value)} ${zlabel}` : xlabel;
        const [low, high] = range;
        const bar = `linear-gradient(to top, ${(SCALES[colorscale] || SCALES.viridis).map(stop => `#${stop}`).join(", ")})`;
        return h("div", {id: name, className: ["ddn", "ddn-inline", "ddn-waterfall", className].filter(Boolean).join(" "), style},
            h("canvas", {
                ref: canvas, style: {height}, onPointerMove: point, onPointerLeave: () => setPointed(null), role: "img",
                "aria-label": `Waterfall${xlabel ? ` over ${xlabel}` : ""}, from ${short(low)} to ${short(high)} ${zlabel}`.trim(),
            }),
            h("div", {className: "ddn-waterfall-scale", "aria-hidden": true},
                h("span", null, short(high)), h("i", {style: {background: bar}}), h("span", null, short(low)), zlabel && h("span", null, zlabel)),
            h("div", {className: "ddn-waterfall-axis"},
                h("span", null, hasAxis ? short(x0) : ""), h("span", null, told), h("span", null, hasAxis ? short(x1) : "")));
    }

    page.dash_devices_nb = Object.assign(page.dash_devices_nb || {}, {Waterfall});
})();
