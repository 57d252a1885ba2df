/**
 * Loads the pages' scripts into Node.js, with as little of a browser as the pure ones need.
 *
 * The scripts are plain ones that share `window.dashDevices`, so a test names those that it uses, in the order of
 * `app/delivery/routes.py`. Node runs each test file in a process of its own: nothing is shared between two files.
 */
import {setMaxListeners} from 'node:events';
import {readFileSync} from 'node:fs';
import {after} from 'node:test';
import {fileURLToPath} from 'node:url';
import vm from 'node:vm';

const folder = new URL('../../../dash_devices_nb/client/', import.meta.url);
const channels = [];

/** An open port keeps Node running, and a page never closes its own. */
class Channel extends MessageChannel {
    constructor() {
        super();
        channels.push(this);
    }
}

globalThis.MessageChannel = Channel;
globalThis.window = globalThis;
globalThis.document = {hidden: false};
/** What waits for the next animation frame; `drawFrame` runs it. */
const frames = [];
globalThis.requestAnimationFrame = action => frames.push(action);
const target = new EventTarget();
setMaxListeners(0, target);
globalThis.addEventListener = target.addEventListener.bind(target);
globalThis.dispatchEvent = target.dispatchEvent.bind(target);

after(() => channels.forEach(({port1}) => port1.close()));

/** Run the scripts of these names. Returns their namespace, `window.dashDevices`. */
export function load(...names) {
    for (const name of names) {
        const url = new URL(`${name}.js`, folder);
        vm.runInThisContext(readFileSync(url, 'utf8'), {filename: fileURLToPath(url)});
    }
    return window.dashDevices;
}

/** Draw an animation frame, as the browser does. */
export function drawFrame() {
    frames.splice(0).forEach(action => action());
}

/** Wait until the current task of the browser is over, and what it has posted was received. */
export function nextTask() {
    return new Promise(resolve => setTimeout(resolve));
}
