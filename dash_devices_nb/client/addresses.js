// @ts-check
/**
 * Addresses that the program made before it knew the path below which the app is served.
 *
 * `app.get_asset_url("a.png")` gives "/assets/a.png" before `run()`, and a page's `relative_path`, or a link that is written by
 * hand, "/two". Below `{base_url}dash-devices/{app}/` they would lead to the Jupyter server. They are completed here, in
 * everything that the app sends, so that the values themselves do not depend on where the app is served.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    /** Props of any component that are an address. */
    const LEADS = new Set(['href', 'src', 'action', 'formAction', 'poster', 'pathname']);
    /** Props that a person types into: they are no addresses. */
    const WRITTEN = new Set(['value', 'id', 'key']);
    const LEADS_SOMEWHERE = /"(?:href|src|action|formAction|poster|pathname)":"(?:\/|\\u002f)/;
    const CONTENT = 'application/json';

    dd.Addresses = class Addresses {
        /** @param {{prefix: string, moved: {from: string[], assets: string, known: string}}} settings `moved`: the
         *     old prefixes, the assets folder below them, and a pattern of the existing paths below them */
        constructor({prefix, moved}) {
            this._prefix = prefix;
            this._from = moved.from;
            this._known = new RegExp(`^(?:${moved.known})$`);
            const olds = moved.from.map(each => escaped(each)).join('|');
            this._assets = new RegExp(`(^|[\\s"'(,=])(?:${olds})(?=${escaped(moved.assets)})`, 'g');
            this._folder = new RegExp(escaped(moved.assets).replace(/\//g, '(?:/|\\\\u002f)'));
        }

        /**
         * Complete a message of the app, given as text and parsed. Returns the same object.
         * @param {string} text @param {any} said
         * @param {number} depth number of dict levels above a component's prop: 2 for {id: {prop: value}}
         */
        complete(text, said, depth) {
            return this._folder.test(text) || LEADS_SOMEWHERE.test(text) ? this._walked(said, '', depth) : said;
        }

        /** Complete an HTTP response. @param {Response} response @param {number} depth */
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
                // Arrays of numbers may be very long.
                for (let n = 0; n < value.length; n++) if (typeof value[n] !== 'number') value[n] = this._walked(value[n], prop, -1);
                return value;
            }
            if (value.props && value.type && value.namespace) {
                if (value.type === 'Link' && staysInThePage(value.props)) value.props.href = this._within(value.props.href);
                for (const name in value.props) value.props[name] = this._walked(value.props[name], name, 0);
            } else for (const name in value) value[name] = this._walked(value[name], name, depth - 1);
            return value;
        }

        /** The address of a `dcc.Link` that stays in the page: it is always within the app. @param {string} href */
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

    /** Whether a `dcc.Link` stays in the page. With `refresh` or another target it loads its address. */
    function staysInThePage({href, refresh, target}) {
        return typeof href === 'string' && !refresh && (!target || target === '_self');
    }

    function escaped(text) {
        return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    }
})();
