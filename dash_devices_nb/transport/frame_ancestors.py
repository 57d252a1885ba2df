"""Which pages may show an app in a frame, where it is served directly: `frame-ancestors` of its pages.

A page of another site could lay an app's buttons, invisible, below what it has people click (clickjacking). A
notebook's page may show it: that of a Jupyter server on this computer or under the app's own host name, and VS Code's
windows. Through Jupyter, Jupyter's own policy holds.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from dash_devices_nb.transport.serve import Message, Scope, Send

NOTEBOOKS = ("localhost", "127.0.0.1")
WINDOWS = ("vscode-webview:", "vscode-file:")
"""What VS Code's own windows have for a scheme; no website can."""
COLAB = ("https://colab.research.google.com", "https://*.googleusercontent.com")
VSCODE_WEB = ("https://vscode.dev", "https://*.vscode-cdn.net", "https://*.github.dev")
_NAME = re.compile(r"[a-z0-9_.-]+")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9*_.-]+(:(\d+|\*))?")
_POLICY, _OLD_POLICY = b"content-security-policy", b"x-frame-options"


def framed_by(scope: Scope, send: Send, host: str, allowed: Collection[str]) -> Send:
    """A `send` whose HTML says which pages may show it in a frame; of a WebSocket the same one.

    Args:
        scope: Of the request.
        send: Of the request.
        host: The Host that was asked for.
        allowed: More origins; "*" for all. What a program says itself in an answer counts more.
    """
    if scope["type"] != "http" or "*" in allowed:
        return send

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            said = [(name.lower(), value.lower()) for name, value in headers]
            html = any(name == b"content-type" and b"html" in value for name, value in said)
            told = any(name == _OLD_POLICY or (name == _POLICY and b"frame-ancestors" in value) for name, value in said)
            if html and not told:
                message = {**message, "headers": [*headers, (_POLICY, policy(host, allowed).encode())]}
        await send(message)

    return sending


def policy(host: str, allowed: Collection[str]) -> str:
    """The policy for a page at this host."""
    name = host.lower().partition(":")[0]
    names = dict.fromkeys([name, *NOTEBOOKS] if _NAME.fullmatch(name) else NOTEBOOKS)
    hosts = [f"{scheme}://{each}:*" for each in names for scheme in ("http", "https")]
    more = [origin for origin in sorted(allowed) if _ORIGIN.fullmatch(origin)]
    return " ".join(("frame-ancestors 'self'", *hosts, *WINDOWS, *more))
