"""Panel: a text input, and a text that follows each key."""

from __future__ import annotations

import sys

import panel as pn


def page() -> pn.Column:
    question = pn.widgets.TextInput(css_classes=["question"])
    answer = pn.widgets.StaticText(css_classes=["answer"])
    question.param.watch(lambda event: answer.param.update(value=event.new), "value_input")
    return pn.Column(question, answer)


if __name__ == "__main__":
    port = int(sys.argv[1])
    pn.serve(page, port=port, address="127.0.0.1", show=False, websocket_origin=f"127.0.0.1:{port}")
