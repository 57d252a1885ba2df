// @ts-check
/**
 * Numpy arrays in figures, which Plotly's Python side packs as `{dtype, bdata, shape}`. Plotly draws them, but extends only lists,
 * and a `Patch` speaks of lists: what is changed of one becomes a list first.
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
    const ON_LISTS = new Set(['Extend', 'Append', 'Prepend', 'Insert', 'Clear', 'Reverse', 'Remove']);

    const isPacked = value => value !== null && typeof value === 'object' && 'bdata' in value && value.dtype in KINDS;

    /** A packed array as a list, of lists where it has several dimensions; anything else as it is. @param {any} value */
    dd.unpacked = value => {
        if (!isPacked(value)) return value;
        const bytes = Uint8Array.from(atob(value.bdata), each => each.charCodeAt(0));
        let list = Array.from(new KINDS[value.dtype](bytes.buffer));
        const shape = value.shape === undefined ? [] : String(value.shape).split(',').map(Number);
        for (const length of shape.slice(1).reverse())
            list = Array.from({length: list.length / length}, (_, row) => list.slice(row * length, (row + 1) * length));
        return list;
    };

    /**
     * What a `Patch` is for, with the arrays unpacked that it changes; the same object if there are none.
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

    /** Unpack what a plot is about to extend, in the traces that it has. */
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

    /** Plotly, which comes with the first graph: whoever extends traces, `dcc.Graph` or we. */
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
