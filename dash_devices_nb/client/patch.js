// @ts-check
/** Apply a `Patch` (https://dash.plotly.com/partial-properties) to a value, without modifying it. */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});

    /** @param {any} value */
    dd.isPatch = value => value !== null && typeof value === 'object' && '__dash_patch_update' in value;

    const arithmetic = {
        Add: (a, b) => a + b,
        Sub: (a, b) => a - b,
        Mul: (a, b) => a * b,
        Div: (a, b) => a / b
    };

    const changes = {
        Assign: (_old, params) => params.value,
        Merge: (old, params) => ({...old, ...params.value}),
        Extend: (old, params) => [...old, ...params.value],
        Append: (old, params) => [...old, params.value],
        Prepend: (old, params) => [params.value, ...old],
        Insert: (old, params) => [...old.slice(0, params.index), params.value, ...old.slice(params.index)],
        Clear: old => (Array.isArray(old) ? [] : {}),
        Reverse: old => [...old].reverse(),
        Remove: (old, params) => old.filter(item => !same(item, params.value))
    };

    /** Whether two values are equal as JSON. @param {any} a @param {any} b */
    function same(a, b) {
        if (a === b || a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return a === b;
        if (ArrayBuffer.isView(a) && a.constructor === b.constructor) return sameNumbers(a, b);
        const keys = Object.keys(a);
        return (
            Array.isArray(a) === Array.isArray(b) &&
            keys.length === Object.keys(b).length &&
            keys.every(key => key in b && same(a[key], b[key]))
        );
    }

    /** Whether two typed arrays are equal; NaN, which is null in JSON, equals itself. @param {any} a @param {any} b */
    function sameNumbers(a, b) {
        return a.length === b.length && a.every((each, number) => Object.is(each, b[number]));
    }

    dd.same = same;

    const at = (value, step) => (Array.isArray(value) && step < 0 ? value.length + step : step);

    /** Copy `value` along `location` and change the value there. */
    function along(value, location, change) {
        if (!location.length) return change(value);
        const copy = Array.isArray(value) ? [...value] : {...value};
        const step = at(value, location[0]);
        copy[step] = along(copy[step], location.slice(1), change);
        return copy;
    }

    function without(value, location) {
        return along(value, location.slice(0, -1), parent => {
            const step = at(parent, location[location.length - 1]);
            if (Array.isArray(parent)) return parent.filter((_, number) => number !== step);
            const {[step]: _gone, ...rest} = parent;
            return rest;
        });
    }

    /**
     * @param {any} value the page's value
     * @param {{operations: {operation: string, location: any[], params: any}[]}} patch
     */
    dd.applyPatch = (value, patch) => {
        value = dd.unpackedFor(value, patch);
        for (const {operation, location, params} of patch.operations) {
            if (operation === 'Delete') value = without(value, location);
            else if (operation in arithmetic)
                value = along(value, location, old => arithmetic[operation](old, params.value));
            else if (operation in changes) value = along(value, location, old => changes[operation](old, params));
            else throw new Error(`Patch operation ${operation} is not known`);
        }
        return value;
    };
})();
