// What the pages' scripts find in the browser; for `tsc`, which checks them (see tsconfig.json).

/** The classes and functions of this folder, each put there by its file. */
interface Scripts {
    [name: string]: any;
}

interface Window {
    dashDevices: Scripts;
    /** The renderer's redux stores, and whatever else stands in `window`, such as the component libraries. */
    [name: string]: any;
}
