"""A page whose clock runs ten times as fast, so that what takes it a minute takes a test six seconds."""

from __future__ import annotations

TIMES = 10
SCRIPT = f"""(() => {{
    const now = performance.now.bind(performance);
    performance.now = () => now() * {TIMES};
    for (const name of ['setTimeout', 'setInterval']) {{
        const start = window[name].bind(window);
        window[name] = (f, ms = 0, ...rest) => start(f, ms / {TIMES}, ...rest);
    }}
}})();"""
