// @ts-check
/**
 * Addresses of the app that the program made before it knew below which path it would be served.
 *
 * `app.get_asset_url("a.png")` gives "/assets/a.png" before `run()`, and a page's `relative_path`, or a link that is written by
 * hand, "/two". Behind `{base_url}dash-devices/{app}/` they lead to the Jupyter server. They are completed here, in what
 * comes from the app, so that the values themselves are the same wherever the app is served.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    /** Props that are an address, of whichever component. */
    const LEADS = new Set(['href', 'src', 'action', 'formAction', 'poster', 'pathname']);
    /** Props in which a person writes: what stands there is no address. */
    const WRITTEN = new Set(['value', 'id', 'key']);
    const LEADS_SOMEWHERE = /"(?:href|src|action|formAction|poster|pathname)":"(?:\/|\\u002f)/;
    const CONTENT = 'application/json';

    dd.Addresses = class Addresses {
        /** @param {{prefix: string, moved: {from: string[], assets: string, known: string}}} settings `moved`: what the
         *     prefix was before, the folder of the assets below it, and the paths below it that there are, as a pattern */
        constructor({prefix, moved}) {
            this._prefix = prefix;
            this._from = moved.from;
            this._known = new RegExp(`^(?:${moved.known})$`);
            const olds = moved.from.map(each => escaped(each)).join('|');
            this._assets = new RegExp(`(^|[\\s"'(,=])(?:${olds})(?=${escaped(moved.assets)})`, 'g');
            this._folder = new RegExp(escaped(moved.assets).replace(/\//g, '(?:/|\\\\u002f)'));
        }

        /**
         * What has come from the app, as text and as what it says. The same object, completed.
         * @param {string} text @param {any} said
         * @param {number} depth how many levels of dicts lead to a component's prop: 2 for {id: {prop: value}}
         */
        complete(text, said, depth) {
            return this._folder.test(text) || LEADS_SOMEWHERE.test(text) ? this._walked(said, '', depth) : said;
        }

        /** An answer over HTTP. @param {Response} response @param {number} depth */
        async completeAnswer(response, depth) {
            if (response.status !== 200 || !(response.headers.get('content-type') || '').includes(CONTENT)) return response;
            const text = await response.text();
            const {status, headers} = response;
            return new Response(JSON.stringify(this.complete(text, JSON.parse(text), depth)), {status, headers});
        }

        _walked(value, prop, depth) {
            if (typeof value === 'string') return WRITTEN.has(prop) ? value : this._address(value, depth === 0 && LEADS.has(prop));
            if (value === null || typeof value !== 'object') return value;
            if (Array.isArray(value)) {
                // Of numbers there may be very many.
                for (let n = 0; n < value.length; n++) if (typeof value[n] !== 'number') value[n] = this._walked(value[n], prop, -1);
                return value;
            }
            if (value.props && value.type && value.namespace) {
                if (value.type === 'Link' && staysInThePage(value.props)) value.props.href = this._within(value.props.href);
                for (const name in value.props) value.props[name] = this._walked(value.props[name], name, 0);
            } else for (const name in value) value[name] = this._walked(value[name], name, depth - 1);
            return value;
        }

        /** Where a `dcc.Link` leads that stays in the page: always within the app. @param {string} href */
        _within(href) {
            const old = href.startsWith(this._prefix) ? undefined : this._from.find(each => href.startsWith(each));
            return old === undefined || href.startsWith('//') ? href : this._prefix + href.slice(old.length);
        }

        _address(text, leads) {
            if (!text.includes('/')) return text;
            const completed = text.replace(this._assets, (_, before) => before + this._prefix);
            if (completed !== text || !leads || text.startsWith(this._prefix)) return completed;
            for (const old of this._from) {
                const [path] = text.split(/[?#]/);
                if (text.startsWith(old) && this._known.test(path.slice(old.length))) return this._prefix + text.slice(old.length);
            }
            return text;
        }
    };

    /** Whether a `dcc.Link` loads nothing: with `refresh`, or another target, it leads wherever its address does. */
    function staysInThePage({href, refresh, target}) {
        return typeof href === 'string' && !refresh && (!target || target === '_self');
    }

    function escaped(text) {
        return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    }
})();
