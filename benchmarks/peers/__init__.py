"""The same page in several frameworks: a text input, and a text that repeats what was typed.

Each peer is a program: ``python -m benchmarks.peers.echo PORT``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """One implementation of the page.

    Attributes:
        key: Its module below `benchmarks.peers`, and its name on the command line.
        label: What the table says.
        question: The CSS selector of the native input element.
        answer: The CSS selector of the element whose text is the answer.
    """

    key: str
    label: str
    question: str = "#question"
    answer: str = "#answer"


PEERS = (
    Peer("echo", "bare WebSocket echo, plain JavaScript"),
    Peer("floor", "Dash's renderer, answer made in the page"),
    Peer("shared", "dash_devices_nb, shared callback"),
    Peer("regular", "dash_devices_nb, regular callback"),
    Peer("nicegui_page", "NiceGUI", ".q-field input", ".answer"),
    Peer("dash_websocket", "Dash, WebSocket callback"),
    Peer("dash_flask", "Dash on Flask, HTTP callback"),
)
