// The views of devices. `DeviceSignal` holds what the app says of a signal and shows nothing; any number of views of it
// read it from the renderer's store, by the public `window.dash_component_api`.
// @ts-check
(function () {
    "use strict";
    /** @type {any} */
    const page = window;
    const React = page.React;
    const h = React.createElement;
    const {useState, useEffect, useRef, useMemo} = React;

    const MOST_POINTS = 120; // of a sparkline
    const FILTER_FROM = 12; // signals, from which on a panel has a filter
    const OPEN_UP_TO = 24; // signals, up to which all groups of a panel are open
    const WATCH_MS = 50; // views that come and go together are told together
    const PENDING_MS = 10000; // after which a view no longer waits for an answer to a set
    const GOOD = ["ok", "minor", "major"];
    const STATUSES = ["ok", "never", "stale", "minor", "major", "disconnected"];

    // ---- texts: those of the page's table, `client/texts.js`

    /** A text of ours. @param {string} key @param {...(string|number)} values @returns {string} */
    const say = (key, ...values) => page.dashDevices.text(key, ...values);

    /** What the app says. @param {string} text @returns {string} */
    const said = text => page.dashDevices.said(text);

    /** @param {string} status */
    const worded = status => STATUSES.includes(status) ? say(status) : status;

    // ---- what the store holds

    /** The props of the component with this id, or undefined. @param {string} id */
    function useProps(id) {
        const {useSelector} = page.dash_component_api.useDashContext();
        return useSelector((/** @type {any} */ state) => propsOf(state, id));
    }

    /** @param {any} state @param {string} id */
    function propsOf(state, id) {
        let node = state.layout;
        const path = state.paths.strs[id];
        for (const step of path || []) node = node && node[step];
        return path && node ? node.props : undefined;
    }

    /** @param {string} id @param {object} props */
    function setProps(id, props) {
        // A component gets its own id as text, also where it is an object, which `set_props` wants as such.
        page.dash_clientside.set_props(typeof id === "string" && id.startsWith("{") ? JSON.parse(id) : id, props);
    }

    // ---- which signals the page shows: those of the views that are there

    /** @type {Map<string, number>} */
    const watched = new Map();
    let timer = 0;

    /** @param {string} signal @param {number} by */
    function watch(signal, by) {
        const count = (watched.get(signal) || 0) + by;
        if (count > 0) watched.set(signal, count);
        else watched.delete(signal);
        tellSoon();
    }

    function tellSoon() {
        if (!timer) timer = page.setTimeout(tell, WATCH_MS);
    }

    function tell() {
        timer = 0;
        page.dispatchEvent(new CustomEvent("dash-devices-watch", {detail: {ids: [...watched.keys()]}}));
    }

    /** @param {string} id */
    function useWatch(id) {
        useEffect(() => {
            watch(id, 1);
            return () => watch(id, -1);
        }, [id]);
    }

    // ---- sparklines

    /** @type {Map<string, Array<[number, number]>>} */
    const histories = new Map();

    /** @param {string} id @param {any} props */
    function remember(id, props) {
        const {value, reading} = props;
        const time = reading && reading.time;
        if (typeof value !== "number" || !time) return [];
        const points = histories.get(id) || [];
        histories.set(id, points);
        const last = points[points.length - 1];
        if (!last || last[0] < time) points.push([time, value]);
        if (points.length > MOST_POINTS) points.splice(0, points.length - MOST_POINTS);
        return points;
    }

    /** @param {{points: Array<[number, number]>}} props */
    function Sparkline({points}) {
        if (points.length < 2) return h("svg", {className: "ddn-spark", "aria-hidden": true});
        const low = Math.min(...points.map(point => point[1]));
        const span = Math.max(...points.map(point => point[1])) - low || 1;
        const from = points[0][0];
        const time = points[points.length - 1][0] - from || 1;
        const line = points.map(([t, v]) => `${((t - from) / time * 98 + 1).toFixed(1)},${(23 - (v - low) / span * 22).toFixed(1)}`);
        return h("svg", {className: "ddn-spark", viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": true},
            h("polyline", {points: line.join(" "), vectorEffect: "non-scaling-stroke"}));
    }

    // ---- one signal

    /** @param {number | null | undefined} time */
    function useAge(time, /** @type {boolean} */ ticks) {
        const [now, setNow] = useState(Date.now() / 1000);
        useEffect(() => {
            if (!ticks) return undefined;
            setNow(Date.now() / 1000);
            const every = page.setInterval(() => setNow(Date.now() / 1000), 1000);
            return () => page.clearInterval(every);
        }, [ticks, time]);
        if (!time) return "";
        const age = Math.max(0, Math.round(now - time));
        if (age < 100) return say("agoSeconds", age);
        return age < 6000 ? say("agoMinutes", Math.round(age / 60)) : say("agoHours", Math.round(age / 3600));
    }

    /** Colour and words on how far a reading can be trusted. @param {{reading: any, always?: boolean}} props */
    function State({reading, always}) {
        const status = (reading && reading.status) || "never";
        const ticks = status === "stale" || status === "disconnected";
        const age = useAge(reading && reading.time, ticks);
        if (status === "ok" && !always) return null;
        const reason = reading && said(reading.reason);
        const words = [worded(status), ticks && age ? say("lastGood", age) : "", reason];
        return h("span", {className: `ddn-state ddn-${status}`, title: reason},
            words.filter(Boolean).join(" · "));
    }

    /** A reading's text; what a driver gives as a text is not ours. @param {any} reading @param {any} info */
    const textOf = (reading, info) => info && ["text", "choice"].includes(info.dtype) ? reading.text : said(reading.text);

    /** @param {{props: any}} props */
    function Shown({props}) {
        const {reading, info} = props;
        const status = (reading && reading.status) || "never";
        return h("span", {className: `ddn-value${GOOD.includes(status) ? "" : " ddn-old"}`},
            h("b", null, reading ? textOf(reading, info) : "–"), info && info.unit ? h("span", {className: "ddn-unit"}, info.unit) : null);
    }

    /** What somebody wrote, as the signal takes it. @param {string} text @param {string} dtype */
    function valueOf(text, dtype) {
        if (dtype === "text") return text;
        const number = Number(text.trim().replace(",", ".").replace("−", "-"));
        return text.trim() !== "" && Number.isFinite(number) ? number : text;
    }

    /** The control that asks for a value. @param {{id: string, props: any}} props */
    function Setter({id, props}) {
        const {info, setpoint, asked, message} = props;
        const [draft, setDraft] = useState(/** @type {string | null} */ (null));
        const [mine, setMine] = useState(0);
        const waits = mine && asked && asked.number === mine;
        useEffect(() => { setMine(0); }, [setpoint, message]);
        useEffect(() => {
            if (!mine) return undefined;
            const gives = page.setTimeout(() => setMine(0), PENDING_MS);
            return () => page.clearTimeout(gives);
        }, [mine]);
        const current = setpoint === null || setpoint === undefined ? (info.readable ? props.value : null) : setpoint;
        const ask = (/** @type {any} */ value) => {
            const number = Date.now() + Math.random();
            setDraft(null);
            setMine(number);
            setProps(id, {asked: {value, number}});
        };
        const common = {
            id: undefined, "aria-label": info.unit ? say("setIn", info.label, info.unit) : say("setOne", info.label),
            "aria-invalid": message && message.text ? true : undefined, "aria-busy": waits ? true : undefined,
            className: `ddn-set${waits ? " ddn-waits" : ""}`, title: rangeOf(info),
        };
        const dtype = info.dtype === "other" && typeof props.value === "boolean" ? "boolean" : info.dtype;
        if (dtype === "boolean") {
            const on = waits ? asked.value : current;
            return h("button", {...common, type: "button", role: "switch", "aria-checked": !!on, onClick: () => ask(!on)},
                h("span", {className: "ddn-knob"}), say(on ? "on" : "off"));
        }
        if (info.dtype === "choice") {
            const shown = waits ? asked.value : current;
            const place = info.choices.findIndex((/** @type {any} */ each) => each === shown);
            return h("select", {...common, value: place, onChange: (/** @type {any} */ event) => ask(info.choices[event.target.value])},
                place < 0 ? h("option", {value: -1}, shown === null || shown === undefined ? "–" : String(shown)) : null,
                info.choices.map((/** @type {any} */ each, /** @type {number} */ n) => h("option", {key: n, value: n}, String(each))));
        }
        const shown = waits ? asked.value : current;
        const text = draft !== null ? draft : shown === null || shown === undefined ? "" : String(shown);
        const commit = () => { if (draft !== null && draft !== "") ask(valueOf(draft, info.dtype)); else setDraft(null); };
        return h("input", {
            ...common, type: "text", inputMode: info.dtype === "text" ? "text" : "decimal", value: text, size: 8,
            placeholder: say("set"), spellCheck: false, autoComplete: "off",
            onChange: (/** @type {any} */ event) => setDraft(event.target.value),
            onKeyDown: (/** @type {any} */ event) => {
                if (event.key === "Enter") commit();
                if (event.key === "Escape") setDraft(null);
            },
            onBlur: commit,
        });
    }

    /** @param {any} info */
    function rangeOf(info) {
        const [low, high] = info.limits;
        const unit = info.unit ? ` ${info.unit}` : "";
        const range = low !== null && high !== null ? say("between", low, `${high}${unit}`)
            : low !== null ? say("atLeast", `${low}${unit}`) : high !== null ? say("atMost", `${high}${unit}`) : "";
        return [info.description, range].filter(Boolean).join("; ") || undefined;
    }

    /** @param {{id: string}} props */
    function Row({id}) {
        const props = useProps(id);
        useWatch(id);
        const points = useMemo(() => props ? remember(id, props).slice() : [], [id, props && props.value, props && props.reading]);
        if (!props || !props.info) return h("div", {className: "ddn-row ddn-missing"}, say("noSignal", id));
        const {info, reading, message} = props;
        return h("div", {className: `ddn-row ddn-is-${(reading && reading.status) || "never"}`, role: "group", "aria-label": info.label},
            h("span", {className: "ddn-label", title: [id, info.description].filter(Boolean).join(": ")}, info.label),
            info.readable ? h(Shown, {props}) : h("span", {className: "ddn-value"}),
            info.settable ? h(Setter, {id, props}) : h("span", {className: "ddn-set-none"}),
            h(Sparkline, {points}),
            h("span", {className: "ddn-notes"},
                info.readable ? h(State, {reading}) : null,
                message && message.text ? h("span", {className: "ddn-message", role: "alert", key: message.number}, said(message.text)) : null));
    }

    /** @param {{id: string}} props */
    function Value({id}) {
        const props = useProps(id);
        useWatch(id);
        if (!props || !props.info) return h("span", {className: "ddn-missing"}, say("noSignal", id));
        return h("span", {className: "ddn-single"}, h(Shown, {props}), h(State, {reading: props.reading}));
    }

    // ---- a panel

    /** @param {any} state @param {string[]} ids */
    function infosOf(state, ids) {
        return ids.map(id => { const props = propsOf(state, id); return props && props.info; });
    }

    /** @param {any} one @param {any} other */
    const sameItems = (one, other) => one.length === other.length && one.every((/** @type {any} */ each, /** @type {number} */ n) => each === other[n]);

    /** @param {any} props */
    function Panel({device, signals, label, open}) {
        const {useSelector} = page.dash_component_api.useDashContext();
        const infos = useSelector((/** @type {any} */ state) => infosOf(state, signals), sameItems);
        const [filter, setFilter] = useState("");
        const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
        const groups = new Map();
        signals.forEach((/** @type {string} */ id, /** @type {number} */ n) => {
            const info = infos[n];
            if (!info) return;
            const text = `${id} ${info.label} ${info.unit} ${info.description}`.toLowerCase();
            if (!words.every(word => text.includes(word))) return;
            const name = info.group.join(" / ");
            groups.set(name, [...(groups.get(name) || []), id]);
        });
        const few = signals.length <= OPEN_UP_TO;
        let first = true;
        const shown = [...groups].map(([name, ids]) => {
            const opened = words.length > 0 || (open ? open.includes(name) : few || first);
            first = false;
            return h(PanelGroup, {key: name, name, ids, opened, forced: words.length > 0});
        });
        return h("section", {className: "ddn-panel", "aria-label": label || device},
            h("header", {className: "ddn-head"}, h("h2", null, label || device), h(Summary, {device, signals}),
                signals.length > FILTER_FROM ? h("input", {
                    type: "search", className: "ddn-filter", placeholder: say("filter", signals.length),
                    "aria-label": say("filterOf", label || device), value: filter,
                    onChange: (/** @type {any} */ event) => setFilter(event.target.value),
                }) : null),
            shown.length ? shown : h("p", {className: "ddn-none"}, say("noMatch")));
    }

    /** How many signals of a panel are not well, those of closed groups included. @param {{device: string, signals: string[]}} props */
    function Summary({device, signals}) {
        const {unwell} = useProps(device) || {};
        const text = useMemo(() => {
            /** @type {Record<string, number>} */
            const counts = {};
            for (const id of signals) {
                const status = unwell && unwell[id];
                if (status) counts[status] = (counts[status] || 0) + 1;
            }
            return ["disconnected", "major", "minor", "stale"].filter(each => counts[each])
                .map(each => `${counts[each]} ${worded(each)}`).join(", ");
        }, [unwell, signals]);
        return h("span", {className: `ddn-summary${text ? " ddn-summary-bad" : ""}`, role: "status"}, text || say("live"));
    }

    /** @param {any} props */
    function PanelGroup({name, ids, opened, forced}) {
        const [open, setOpen] = useState(opened);
        const body = useRef(null);
        const isOpen = forced || open;
        const rows = isOpen ? h("div", {className: "ddn-rows", ref: body}, ids.map((/** @type {string} */ id) => h(Row, {key: id, id}))) : null;
        if (!name) return h("div", {className: "ddn-group"}, rows || h("div", {className: "ddn-rows"}, ids.map((/** @type {string} */ id) => h(Row, {key: id, id}))));
        return h("div", {className: "ddn-group"},
            h("button", {
                type: "button", className: "ddn-group-head", "aria-expanded": isOpen, disabled: forced,
                onClick: () => setOpen(!open),
            }, h("span", {className: "ddn-arrow", "aria-hidden": true}, isOpen ? "▾" : "▸"), name,
            h("span", {className: "ddn-count"}, String(ids.length))),
            rows);
    }

    // ---- alarms

    const ALARMS = "dash-devices-alarms";
    const STATES = ["active", "acknowledged", "returned"];

    /** @param {number | null} time */
    const clock = time => time ? new Date(time * 1000).toLocaleTimeString() : "";

    function Alarms() {
        const props = useProps(ALARMS);
        const alarms = (props && props.alarms) || [];
        const seen = (/** @type {string} */ name) => setProps(ALARMS, {acknowledge: {name, number: Date.now() + Math.random()}});
        return h("section", {className: "ddn-panel ddn-alarms", "aria-label": say("alarms")},
            h("header", {className: "ddn-head"}, h("h2", null, say("alarms")),
                h("span", {className: "ddn-summary", role: "status"}, alarms.length ? say("raised", alarms.length) : say("none"))),
            alarms.map((/** @type {any} */ each) => h("div", {
                key: each.name, className: `ddn-alarm ddn-alarm-${each.state}`, role: each.state === "active" ? "alert" : undefined,
            }, h("span", {className: `ddn-state ddn-${each.severity}`}, `${worded(each.severity)} · ${STATES.includes(each.state) ? say(each.state) : each.state}`),
            h("b", null, each.name), h("span", null, [said(each.value), said(each.reason)].filter(Boolean).join(" · ")),
            h("span", {className: "ddn-alarm-when"}, clock(each.raised), each.by ? ` · ${say("seenBy", each.by)}` : ""),
            each.state === "acknowledged" ? null
                : h("button", {type: "button", "aria-label": say("acknowledgeOne", each.name), onClick: () => seen(each.name)}, say("acknowledge")))));
    }

    // ---- hold-to-run

    /** A button that sets something while it is held. The app lets go when the page falls silent. @param {any} props */
    function Hold({id, label, hold, signals}) {
        const [down, setDown] = useState(false);
        const press = useRef(0);
        const props = useProps(signals[0]);
        useWatch(signals[0]);
        useEffect(() => {
            if (!down) return undefined;
            press.current = Date.now() + Math.random();
            const beat = (/** @type {boolean} */ held) => setProps(id, {beat: {press: press.current, number: performance.timeOrigin + performance.now(), down: held}});
            beat(true);
            const every = page.setInterval(() => beat(true), hold * 1000 / 3);
            const release = () => setDown(false);
            const hidden = () => { if (document.hidden) release(); };
            page.addEventListener("blur", release);
            document.addEventListener("visibilitychange", hidden);
            return () => {
                page.clearInterval(every);
                page.removeEventListener("blur", release);
                document.removeEventListener("visibilitychange", hidden);
                beat(false);
            };
        }, [down]);
        const keys = [" ", "Enter"];
        return h("button", {
            type: "button", className: `ddn-hold${down ? " ddn-held" : ""}`, "aria-pressed": down, "aria-label": say("holdOne", label), title: say("holdToRun"),
            onPointerDown: (/** @type {any} */ event) => {
                if (event.button !== 0) return;
                event.target.setPointerCapture(event.pointerId);
                setDown(true);
            },
            onPointerUp: () => setDown(false), onPointerCancel: () => setDown(false), onLostPointerCapture: () => setDown(false),
            onKeyDown: (/** @type {any} */ event) => {
                if (!keys.includes(event.key)) return;
                event.preventDefault();
                if (!event.repeat) setDown(true);
            },
            onKeyUp: (/** @type {any} */ event) => { if (keys.includes(event.key)) setDown(false); },
            onContextMenu: (/** @type {any} */ event) => event.preventDefault(),
            onBlur: () => setDown(false),
        }, label, props && props.reading ? h("span", {className: "ddn-hold-now"}, textOf(props.reading, props.info)) : null);
    }

    // ---- a stop button: past pause, locks and queues

    /** @param {any} props */
    function Stop({label, stop}) {
        const [told, setTold] = useState("");
        const press = async () => {
            setTold(say("stopping"));
            try {
                const {status, text} = await new Promise((resolve, reject) => page.dispatchEvent(
                    new CustomEvent("dash-devices-stop", {detail: {path: stop, resolve, reject}})));
                setTold(status === 200 ? say("stoppedAt", new Date().toLocaleTimeString()) : text);
            } catch (error) {
                setTold(say("notStopped", String(error)));
            }
        };
        return h(React.Fragment, null,
            h("button", {type: "button", className: "ddn-stop", onClick: press}, label),
            h("span", {className: "ddn-stop-said", role: "status"}, told));
    }

    // ---- procedures

    const PROCEDURES = "dash-devices-procedures";
    /** @type {Record<string, string>} */
    const STATES_OF_RUNS = {
        queued: "queued", running: "running", paused: "pausedRun", pausing: "pausing", aborting: "aborting", done: "done",
        failed: "failed", aborted: "aborted",
    };

    /** @param {number | null} seconds */
    function duration(seconds) {
        if (seconds === null || seconds === undefined) return "";
        if (seconds < 90) return say("leftSeconds", Math.ceil(seconds));
        return seconds < 5400 ? say("leftMinutes", Math.ceil(seconds / 60)) : say("leftHours", (seconds / 3600).toFixed(1));
    }

    /** @param {any} props */
    function Form({procedure}) {
        const [given, setGiven] = useState({});
        const set = (/** @type {string} */ name, /** @type {any} */ value) => setGiven({...given, [name]: value});
        const start = () => setProps(PROCEDURES, {act: {kind: "start", name: procedure.name, arguments: given, number: Date.now() + Math.random()}});
        const field = (/** @type {any} */ each) => {
            const value = each.name in given ? given[each.name] : each.default;
            const common = {"aria-label": say("parameterOf", each.name, procedure.name), className: "ddn-set", title: rangeOf(each)};
            if (each.dtype === "boolean") return h("input", {...common, className: "", type: "checkbox", checked: !!value, onChange: (/** @type {any} */ event) => set(each.name, event.target.checked)});
            if (each.dtype === "choice") return h("select", {...common, value: each.choices.indexOf(value), onChange: (/** @type {any} */ event) => set(each.name, each.choices[event.target.value])},
                each.choices.map((/** @type {any} */ choice, /** @type {number} */ n) => h("option", {key: n, value: n}, String(choice))));
            return h("input", {...common, type: "text", size: 8, defaultValue: value === null || value === undefined ? "" : String(value),
                onChange: (/** @type {any} */ event) => set(each.name, valueOf(event.target.value, each.dtype))});
        };
        return h("form", {className: "ddn-procedure", onSubmit: (/** @type {any} */ event) => { event.preventDefault(); start(); }},
            h("b", {title: procedure.description}, procedure.name),
            procedure.description ? h("span", {className: "ddn-unit"}, procedure.description) : null,
            h("span", {className: "ddn-fields"}, procedure.parameters.map((/** @type {any} */ each) => h("label", {key: each.name}, each.label, field(each), each.unit))),
            h("button", {type: "submit"}, say("start")));
    }

    /** @param {any} props */
    function RunRow({run}) {
        const act = (/** @type {string} */ kind) => setProps(PROCEDURES, {act: {kind, name: run.name, number: Date.now() + Math.random()}});
        const button = (/** @type {string} */ kind, /** @type {string} */ text) => h("button", {type: "button", key: kind, "aria-label": `${text} ${run.name}`, onClick: () => act(kind)}, text);
        const runs = ["running", "paused", "pausing", "aborting"].includes(run.state);
        const words = [STATES_OF_RUNS[run.state] ? say(STATES_OF_RUNS[run.state]) : run.state, run.progress !== null && runs ? `${Math.round(run.progress * 100)} %` : "", runs ? duration(run.remaining) : "",
            run.note, said(run.error), run.ended ? clock(run.ended) : ""];
        return h("div", {className: `ddn-run ddn-run-${run.state}`, role: "group", "aria-label": run.name},
            h("b", null, run.name), h("span", {className: "ddn-run-words"}, words.filter(Boolean).join(" · ")),
            runs ? h("progress", {max: 1, value: run.progress === null ? undefined : run.progress, "aria-label": say("progressOf", run.name)}) : null,
            h("span", {className: "ddn-run-buttons"},
                run.state === "running" ? button("pause", say("pause")) : null, run.state === "paused" || run.state === "pausing" ? button("resume", say("resume")) : null,
                runs || run.state === "queued" ? button("abort", say(run.state === "queued" ? "remove" : "abort")) : null));
    }

    function Procedures() {
        const props = useProps(PROCEDURES) || {};
        const {procedures = [], runs = [], message} = props;
        return h("section", {className: "ddn-panel ddn-procedures", "aria-label": say("procedures")},
            h("header", {className: "ddn-head"}, h("h2", null, say("procedures"))),
            (procedures || []).map((/** @type {any} */ each) => h(Form, {key: each.name, procedure: each})),
            message && message.text ? h("p", {className: "ddn-message ddn-none", role: "alert", key: message.number}, said(message.text)) : null,
            [...(runs || [])].reverse().map((/** @type {any} */ each) => h(RunRow, {key: each.name, run: each})));
    }

    // ---- kept values and presets

    const KEPT = "dash-devices-kept";

    /** @param {number | null} time */
    const day = time => time ? new Date(time * 1000).toLocaleString() : "";

    /** What was kept beside what is now. @param {any} props */
    function Differences({rows, label, now, children}) {
        if (!rows.length) return null;
        return h("ul", {className: "ddn-kept-rows", "aria-label": label}, rows.map((/** @type {any} */ each) => h("li", {key: each.name, className: "ddn-kept"},
            h("span", {className: "ddn-label", title: each.name}, each.label),
            h("span", null, h("span", {className: "ddn-unit"}, now), h("b", null, said(each.kept)), h("span", {className: "ddn-unit"}, say("now")), h("b", null, said(each.now))),
            h("span", {className: "ddn-kept-by"}, [each.by, day(each.at)].filter(Boolean).join(" · ")),
            each.refused ? h("span", {className: "ddn-message"}, said(each.refused)) : null,
            children ? children(each) : null)));
    }

    /** @param {any} props */
    function Preset({preset, act, compared, compare, close}) {
        const [sure, setSure] = useState(false);
        const button = (/** @type {string} */ text, /** @type {() => void} */ onClick) => h("button", {type: "button", "aria-label": `${text} ${preset.name}`, onClick}, text);
        const open = compared && compared.name === preset.name;
        const rows = open ? compared.rows || [] : [];
        return h("div", {className: "ddn-preset", role: "group", "aria-label": preset.name},
            h("b", null, preset.name), h("span", {className: "ddn-unit"}, [say("valuesIn", preset.count), preset.by, day(preset.at)].filter(Boolean).join(" · ")),
            h("span", {className: "ddn-run-buttons"},
                open ? button(say("close"), close) : button(say("compare"), compare),
                button(say("load"), () => act({kind: "load", name: preset.name})),
                sure ? button(say("reallyDelete"), () => act({kind: "delete", name: preset.name})) : button(say("delete"), () => setSure(true))),
            open ? h(Differences, {rows, label: say("whatDiffersFrom", preset.name), now: say("preset")}) : null,
            open ? h("span", {className: "ddn-unit", role: "status"}, said(compared.error) || (rows.length ? "" : say("asPreset"))) : null);
    }

    function Kept() {
        const props = useProps(KEPT);
        const [name, setName] = useState("");
        const [comparing, setComparing] = useState("");
        if (!props) return h("p", {className: "ddn-missing"}, say("keepsNothing"));
        const {differences, presets, notes, count, message, compared} = props;
        const rows = differences || [];
        const act = (/** @type {any} */ asked) => setProps(KEPT, {act: {...asked, number: Date.now() + Math.random()}});
        const compare = (/** @type {string} */ preset) => {
            setComparing(preset);
            setProps(KEPT, {compare: {name: preset, number: Date.now() + Math.random()}});
        };
        const save = (/** @type {any} */ event) => {
            event.preventDefault();
            if (name.trim()) act({kind: "save", name: name.trim()});
            setName("");
        };
        return h("section", {className: "ddn-panel ddn-keeps", "aria-label": say("keptValues")},
            h("header", {className: "ddn-head"}, h("h2", null, say("keptValues")),
                h("span", {className: "ddn-summary", role: "status"}, rows.length ? say("differ", rows.length) : say("keptCount", count || 0)),
                rows.length ? h("span", {className: "ddn-run-buttons"},
                    h("button", {type: "button", onClick: () => act({kind: "apply"})}, say("applyAll")),
                    h("button", {type: "button", onClick: () => act({kind: "discard"})}, say("keepNow"))) : null),
            h(Differences, {rows, label: say("whatDiffers"), now: say("kept")}, (/** @type {any} */ each) => h("span", {className: "ddn-run-buttons"},
                h("button", {type: "button", "aria-label": say("applyOne", each.label), onClick: () => act({kind: "apply", names: [each.name]})}, say("apply")))),
            message && message.text ? h("p", {className: "ddn-none", role: "alert", key: message.number}, said(message.text)) : null,
            (notes || []).map((/** @type {string} */ each) => h("p", {key: each, className: "ddn-none"}, said(each))),
            (presets || []).map((/** @type {any} */ each) => h(Preset, {
                key: each.name, preset: each, act, compared: comparing === each.name ? compared : null,
                compare: () => compare(each.name), close: () => setComparing(""),
            })),
            h("form", {className: "ddn-preset", onSubmit: save},
                h("label", null, say("newPreset"), " ", h("input", {className: "ddn-set", value: name, size: 16, maxLength: 100, "aria-label": say("presetName"),
                    onChange: (/** @type {any} */ event) => setName(event.target.value)})),
                h("button", {type: "submit", disabled: !name.trim()}, say("saveNow"))));
    }

    // ---- a graph that goes on from its past

    const FEED_MS = 250; // live points are added this often
    const MOST_LIVE = 4000; // points that a trace keeps

    /** An id as it stands in the document. @param {any} id */
    const nameOf = id => typeof id === "string" ? id : `{${Object.keys(id).sort().map(key => `${JSON.stringify(key)}:${JSON.stringify(id[key])}`).join(",")}}`;

    /** The figure of a graph, if that is what is drawn: one that is still to be drawn takes no points. @param {any} id */
    function figureOf(id) {
        const node = page.dash_component_api.getLayout(id);
        const figure = node && (node.props || node).figure;
        const element = document.getElementById(nameOf(id));
        /** @type {any} */
        const plot = element && element.querySelector(".js-plotly-plot");
        const drawn = plot && plot.layout && plot.layout.meta;
        return drawn && figure && figure.layout && figure.layout.meta && drawn.number === figure.layout.meta.number ? figure : null;
    }

    /** @param {number} time @param {number} offset */
    const stamp = (time, offset) => new Date((time + offset) * 1000).toISOString().slice(0, 23);

    /** One signal of a graph: remembers what comes. @param {{id: string}} props */
    function Listened({id}) {
        const props = useProps(id);
        useWatch(id);
        useEffect(() => { if (props) remember(id, props); }, [id, props && props.value, props && props.reading]);
        return null;
    }

    /** Adds to a graph the points that came after its figure was made: none twice, and none is left out. @param {any} props */
    function Feed({signals, graph}) {
        useEffect(() => {
            /** @type {Map<string, number>} */
            let added = new Map();
            let number = null;
            const every = page.setInterval(() => {
                const figure = figureOf(graph);
                const meta = figure && figure.layout.meta;
                if (!meta || !meta.live) return;
                if (meta.number !== number) {
                    number = meta.number;
                    page.dispatchEvent(new CustomEvent("dash-devices-extend", {detail: {id: nameOf(graph), value: null}}));
                    added = new Map(figure.data.map((/** @type {any} */ trace) => [trace.meta.signal, trace.meta.last || 0]));
                }
                /** @type {any[][][]} */
                const [xs, ys, traces] = [[], [], []];
                figure.data.forEach((/** @type {any} */ trace, /** @type {number} */ n) => {
                    const id = trace.meta.signal;
                    const points = (histories.get(id) || []).filter(([time]) => time > (added.get(id) || 0));
                    if (!points.length) return;
                    added.set(id, points[points.length - 1][0]);
                    xs.push(points.map(([time]) => stamp(time, meta.offset)));
                    ys.push(points.map(([, value]) => value));
                    traces.push(/** @type {any} */ (n));
                });
                if (traces.length) page.dispatchEvent(new CustomEvent("dash-devices-extend", {detail: {id: nameOf(graph), value: [{x: xs, y: ys}, traces, MOST_LIVE]}}));
            }, FEED_MS);
            return () => page.clearInterval(every);
        }, [JSON.stringify(graph)]);
        return h(React.Fragment, null, signals.map((/** @type {string} */ id) => h(Listened, {key: id, id})));
    }

    // ---- what Dash finds

    /** @param {any} props */
    function DeviceView(props) {
        const {id, kind, device, signals, label, open, className, style} = props;
        if (kind === "alarms") return h("div", {id, className: `ddn ${className || ""}`, style}, h(Alarms, null));
        if (kind === "procedures") return h("div", {id, className: `ddn ${className || ""}`, style}, h(Procedures, null));
        if (kind === "kept") return h("div", {id, className: `ddn ${className || ""}`, style}, h(Kept, null));
        if (kind === "hold") return h("span", {className: `ddn ddn-inline ${className || ""}`, style}, h(Hold, {id, label, hold: props.hold, signals}));
        if (kind === "stop") return h("span", {id, className: `ddn ddn-inline ${className || ""}`, style}, h(Stop, {label, stop: props.stop}));
        if (kind === "feed") return h(Feed, {signals, graph: props.graph});
        const inner = kind === "panel" ? h(Panel, {device, signals, label, open})
            : signals.map((/** @type {string} */ each) => h(kind === "value" ? Value : Row, {key: each, id: each}));
        return h(kind === "value" ? "span" : "div",
            {id, className: ["ddn", `ddn-view-${kind}`, kind === "value" ? "ddn-inline" : "", className].filter(Boolean).join(" "), style}, inner);
    }

    /** A device of the page: whatever views it has, none included, the app learns what the page shows. */
    function Devices() {
        useEffect(tellSoon, []);
        return null;
    }

    const nothing = () => null;
    page.dash_devices_nb = Object.assign(page.dash_devices_nb || {}, {
        DeviceAlarms: nothing, DeviceKept: nothing, DeviceProcedures: nothing, DeviceSignal: nothing, Devices, DeviceView,
    });
})();
