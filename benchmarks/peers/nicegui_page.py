"""NiceGUI: an input and a label."""

from __future__ import annotations

import sys

from nicegui import ui


@ui.page("/")
def page() -> None:
    answer = ui.label().classes("answer")
    ui.input(on_change=lambda event: answer.set_text(event.value))


if __name__ == "__main__":
    ui.run(host="127.0.0.1", port=int(sys.argv[1]), show=False, reload=False)
