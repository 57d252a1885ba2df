// @ts-check
/**
 * Numpy arrays in figures. Plotly's Python side packs them as `{dtype, bdata, shape}`, and the app sends large ones as bytes; those
 * become typed arrays of the browser, which Plotly draws without reading any JSON. But Plotly extends only lists, and a `Patch`
 * modifies lists. So an array becomes a list before it is changed.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    /** @type {{[dtype: string]: any}} */
    const KINDS = {
        i1: Int8Array,
        u1: Uint8Array,
        u1c: Uint8ClampedArray,
        i2: Int16Array,
        u2: Uint16Array,
        i4: Int32Array,
        u4: Uint32Array,
        f4: Float32Array,
        f8: Float64Array
    };
    /** The props whose arrays Plotly adds to lists. */
    const EXTENDING = new Set(['extendData', 'prependData']);
    /** The bytes before the JSON of a frame. */
    const HEAD = 8;
    const ALIGNMENT = 8;
    /** So many arguments a call takes in every browser. */
    const STEP = 8192;
    const ON_LISTS = new Set(['Extend', 'Append', 'Prepend', 'Insert', 'Clear', 'Reverse', 'Remove']);

    /** The typed arrays, and the lists of such, that came as bytes. @type {WeakSet<object>} */
    const arrived = new WeakSet();

    const isPacked = value =>
        value !== null && typeof value === 'object' && (arrived.has(value) || ('bdata' in value && value.dtype in KINDS));

    /** Convert a packed or typed array to a (nested) list; return anything else unchanged. @param {any} value */
    dd.unpacked = value => {
        if (!isPacked(value)) return value;
        if (arrived.has(value)) return Array.from(value, each => (typeof each === 'object' ? Array.from(each) : each));
        const bytes = Uint8Array.from(atob(value.bdata), each => each.charCodeAt(0));
        return inRows(Array.from(new KINDS[value.dtype](bytes.buffer)), value.shape, (list, from, to) => list.slice(from, to));
    };

    /** The lengths of an array's dimensions but for the first, the last one first. @param {string|undefined} shape such as "2, 3" */
    const lengths = shape => (shape === undefined ? [] : String(shape).split(',').map(Number).slice(1).reverse());

    /** Cut numbers into rows. @param {any} numbers @param {string|undefined} shape @param {(numbers: any, from: number, to: number) => any} part */
    function inRows(numbers, shape, part) {
        let rows = numbers;
        for (const length of lengths(shape)) {
            const all = rows;
            const cut = all === numbers ? part : (list, from, to) => list.slice(from, to);
            rows = Array.from({length: all.length / length}, (_, row) => cut(all, row * length, (row + 1) * length));
        }
        return rows;
    }

    /**
     * A frame of the app whose arrays are bytes: a zero, the length of its JSON, the JSON, and the bytes from the next multiple of 8 on.
     * @param {ArrayBuffer} data
     * @returns {{frame: Received<SharedModsFrame | OwnModsFrame>, text: string}} the frame with its arrays, and its JSON
     */
    dd.frameWithArrays = data => {
        const length = new DataView(data).getUint32(4);
        const text = new TextDecoder().decode(new Uint8Array(data, HEAD, length));
        const {a, frame} = /** @type {FrameWithArrays} */ (JSON.parse(text));
        const from = Math.ceil((HEAD + length) / ALIGNMENT) * ALIGNMENT;
        for (const [id, prop] of a) {
            const props = frame.m[id];
            props[prop] = filled(props[prop], {data, from, lists: EXTENDING.has(prop)});
        }
        return {frame: Object.assign(frame, {size: data.byteLength}), text};
    };

    /**
     * A value with its arrays.
     * @param {any} value where each array is `[offset, length]`
     * @param {{data: ArrayBuffer, from: number, lists: boolean}} bytes `lists`: they are wanted as lists
     */
    function filled(value, bytes) {
        if (value === null || typeof value !== 'object') return value;
        if (value.dtype in KINDS && Array.isArray(value.bdata)) return arrayOf(value, bytes);
        if (dd.isPatch(value))
            for (const operation of value.operations) filled(operation, {...bytes, lists: operation.operation !== 'Assign'});
        else for (const key of Object.keys(value)) value[key] = filled(value[key], bytes);
        return value;
    }

    function arrayOf({dtype, bdata: [offset, length], shape, list}, {data, from, lists}) {
        const numbers = new KINDS[dtype](data, from + offset, length / KINDS[dtype].BYTES_PER_ELEMENT);
        const rows = inRows(numbers, shape, (all, start, end) => all.subarray(start, end));
        arrived.add(rows);
        if (lists) return dd.unpacked(rows);
        // A program on the page's side may write it as JSON, and the renderer does for a callback's State: as stock Dash has it.
        const packed = () => ({dtype, bdata: base64(numbers), ...(shape === undefined ? {} : {shape})});
        const written = list ? () => dd.unpacked(rows) : packed;
        return Object.defineProperty(rows, 'toJSON', {value: written});
    }

    function base64(numbers) {
        const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
        let text = '';
        for (let at = 0; at < bytes.length; at += STEP) text += String.fromCharCode(...bytes.subarray(at, at + STEP));
        return btoa(text);
    }

    /**
     * Unpack the arrays that a `Patch` changes in its value. Returns the same object if there are none.
     * @param {any} value @param {{operations: {operation: string, location: any[]}[]}} patch
     */
    dd.unpackedFor = (value, patch) => {
        for (const {operation, location} of patch.operations) {
            const steps = ON_LISTS.has(operation) ? location : location.slice(0, -1);
            value = along(value, steps);
        }
        return value;
    };

    function along(value, steps) {
        if (isPacked(value)) return dd.unpacked(value);
        if (!steps.length || value === null || typeof value !== 'object') return value;
        const step = Array.isArray(value) && steps[0] < 0 ? value.length + steps[0] : steps[0];
        const inner = along(value[step], steps.slice(1));
        if (inner === value[step]) return value;
        const copy = Array.isArray(value) ? [...value] : {...value};
        copy[step] = inner;
        return copy;
    }

    /** Unpack the arrays that a plot is about to extend, in its traces. */
    function unpackTraces(plot, update, traces) {
        const {data} = typeof plot === 'string' ? /** @type {any} */ (document.getElementById(plot)) || {} : plot;
        if (!Array.isArray(data)) return;
        const numbers = traces === undefined || traces === null ? data.keys() : [].concat(traces);
        for (const number of numbers)
            for (const name of Object.keys(update)) {
                const path = name.split('.');
                const last = path.pop();
                let node = data[number < 0 ? data.length + number : number];
                for (const step of path) node = node && node[step];
                if (node && last && isPacked(node[last])) node[last] = dd.unpacked(node[last]);
            }
    }

    /** Plotly is loaded with the first graph. `dcc.Graph` and our scripts extend traces through it. */
    let plotly;
    Object.defineProperty(window, 'Plotly', {
        configurable: true,
        enumerable: true,
        get: () => plotly,
        set: given => {
            plotly = given;
            for (const name of ['extendTraces', 'prependTraces']) {
                const stock = given && given[name];
                if (!stock) continue;
                given[name] = (plot, update, traces, most) => {
                    unpackTraces(plot, update, traces);
                    return stock(plot, update, traces, most);
                };
            }
        }
    });
})();
