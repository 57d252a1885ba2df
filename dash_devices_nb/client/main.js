// @ts-check
/** Start the page's scripts, before the renderer. */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const element = document.getElementById('_dash-devices-config');
    if (!element) throw new Error('dash_devices_nb: the page has no #_dash-devices-config');
    const settings = JSON.parse(element.textContent || '{}');
    dd.speak(settings.language || '');
    dd.bridge = new dd.Bridge(settings);
    if (settings.jupyter) dd.bridge.status = new dd.Status(dd.bridge, settings);
})();
