"""ipywidgets in JupyterLab: a text, and a label that repeats it. The page runs the notebook's one cell."""

from __future__ import annotations

import asyncio
import sys

from benchmarks.peers.served import announce, until_ended
from tests.support.jupyter import running_jupyter

CELL = """
import ipywidgets as widgets

question, answer = widgets.Text(), widgets.Label()
question.add_class("question")
answer.add_class("answer")
question.observe(lambda change: setattr(answer, "value", change["new"]), "value")
widgets.VBox([question, answer])
"""


async def main() -> None:
    async with running_jupyter("lab") as jupyter:
        jupyter.write_notebook("trip.ipynb", CELL)
        announce(jupyter.notebook("trip.ipynb"))
        await until_ended()


if __name__ == "__main__":
    assert sys.argv[1:], "a port, as all peers have; Jupyter finds its own"
    asyncio.run(main())
