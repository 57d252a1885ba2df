// @ts-check
/**
 * Jupyter's XSRF token, which only a page of that server can read from its cookie: proof that a request is ours where a
 * proxy in front of the server rewrites Host, so that the Origin which the browser sends is another.
 */
(function () {
    'use strict';
    const dd = (window.dashDevices = window.dashDevices || {});

    /** The token, or '' where there is none: no Jupyter, or a visitor whom it does not know. */
    const token = () => (/(?:^|;\s*)_xsrf=([^;]+)/.exec(document.cookie) || ['', ''])[1];

    /** The URL of a WebSocket below the page's prefix. @param {{prefix: string, jupyter: boolean}} settings */
    dd.socketUrl = (settings, path) => {
        const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
        const proof = settings.jupyter && token();
        return `${scheme}//${location.host}${settings.prefix}${path}${proof ? `?_xsrf=${proof}` : ''}`;
    };

    /** The options of a `fetch` below the page's prefix, with the proof where the request is one that acts. */
    dd.proven = (settings, init) => {
        const proof = settings.jupyter && init && init.method && !/^(GET|HEAD)$/i.test(init.method) && token();
        if (!proof) return init;
        const headers = new Headers(init.headers);
        headers.set('X-XSRFToken', decodeURIComponent(proof));
        return {...init, headers};
    };
})();
