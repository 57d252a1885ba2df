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
        label: its label in the table.
        question: The CSS selector of the native input element.
        answer: The CSS selector of the element whose text is the answer.
        start: JavaScript that the page needs before it is one: an async function, called when it has loaded.
        patience: How long its server and its page may take to come, in seconds.
    """

    key: str
    label: str
    question: str = "#question"
    answer: str = "#answer"
    start: str = ""
    patience: float = 30


RUN_ALL_CELLS = """async () => {
    const until = async (condition) => {
        while (!condition()) await new Promise((resolve) => setTimeout(resolve, 100));
    };
    const kernel = () => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
    await until(() => kernel()?.status === "idle");
    await window.jupyterapp.commands.execute("notebook:run-all-cells");
}"""

PEERS = (
    Peer("echo", "bare WebSocket echo, plain JavaScript"),
    Peer("floor", "Dash's renderer, answer made in the page"),
    Peer("shared", "dash_devices_nb, shared callback"),
    Peer("shared_jupyter", "dash_devices_nb, shared, through Jupyter", patience=90),
    Peer("regular", "dash_devices_nb, regular callback"),
    Peer("nicegui_page", "NiceGUI", ".q-field input", ".answer"),
    Peer("panel_page", "Panel", ".question >>> input", ".answer >>> .bk-clearfix"),
    Peer(
        "ipywidgets_lab",
        "ipywidgets in JupyterLab",
        ".question input",
        ".jp-OutputArea .answer",
        RUN_ALL_CELLS,
        patience=90,
    ),
    Peer("dash_websocket", "Dash, WebSocket callback"),
    Peer("dash_flask", "Dash on Flask, HTTP callback"),
)
