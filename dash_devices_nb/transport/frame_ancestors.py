"""The `frame-ancestors` policy of an app that is served directly: which pages may show it in a frame.

A page of another site could hide an app's buttons below its own, so that people click them (clickjacking). Pages of
notebooks may show an app: those of a Jupyter server on this computer or under the app's own host name, and VS Code's
windows. Through Jupyter, Jupyter's own policy applies.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from dash_devices_nb.transport.serve import Message, Scope, Send

NOTEBOOKS = ("localhost", "127.0.0.1")
WINDOWS = ("vscode-webview:", "vscode-file:")
"""The scheme of VS Code's own windows. No website can have it."""
COLAB = ("https://colab.research.google.com", "https://*.googleusercontent.com")
VSCODE_WEB = ("https://vscode.dev", "https://*.vscode-cdn.net", "https://*.github.dev")
_NAME = re.compile(r"[a-z0-9_.-]+")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9*_.-]+(:(\d+|\*))?")
_POLICY, _OLD_POLICY = b"content-security-policy", b"x-frame-options"


def framed_by(scope: Scope, send: Send, host: str, allowed: Collection[str]) -> Send:
    """Wrap `send` so that HTML says which pages may frame it. A WebSocket's `send` is returned as it is.

    Args:
        scope: of the request.
        send: of the request.
        host: the Host that was asked for.
        allowed: more origins; "*" for all. A policy that the program sets itself takes precedence.
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
