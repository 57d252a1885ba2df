"""What encoding imports lazily: it is there before the first call, and a half-imported module is waited for."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path


def ran(program: str, folder: Path) -> str:
    """What a program prints in a process of its own, which has imported nothing yet; `folder` is on its path first."""
    code = f"import sys; sys.path.insert(0, {str(folder)!r})\n{textwrap.dedent(program)}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, cwd=Path.cwd()
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_encoding_waits_for_a_module_that_another_thread_is_importing(tmp_path):
    """Plotly asks pandas for its NaT: while a callback of another worker imports pandas, it has none yet."""
    (tmp_path / "pandas").mkdir()
    (tmp_path / "pandas" / "__init__.py").write_text(
        "import gate\ngate.begun.set()\nassert gate.go.wait(20)\n"
        "class NaT: pass\nclass NA: pass\nclass Series: pass\nclass DatetimeIndex: pass\n"
    )
    (tmp_path / "gate.py").write_text("import threading\nbegun, go = threading.Event(), threading.Event()\n")
    program = """
        import threading
        import gate
        from decimal import Decimal
        from dash_devices_nb import html
        from dash_devices_nb.app.stock_dash import dash_internals

        dash_internals.text_of(html.Div())
        importing = threading.Thread(target=lambda: __import__("pandas"))
        importing.start()
        gate.begun.wait(20)
        said = []
        def encode():
            try:
                said.append(dash_internals.encode(html.Div("a")).plain["props"]["children"])
                said.append(dash_internals.text_of([None, html.Div("b")])[1:5])
            except Exception as error:
                said.append(repr(error))
        encoding = threading.Thread(target=encode)
        encoding.start()
        encoding.join(0.2)  # without the wait it has failed by now
        gate.go.set()
        encoding.join(20)
        importing.join(20)
        print(said)
    """
    assert ran(program, tmp_path) == "['a', 'null']"


def test_what_a_first_figure_imports_is_there_before_the_first_call(tmp_path):
    """An app whose program uses Plotly Express has pandas and numpy, whole, when its first shared callback runs."""
    program = """
        import asyncio
        sys.modules["xarray"] = None  # where it is installed, Plotly Express imports it, and it pandas
        import plotly.express
        from dash_devices_nb import Dash, Input, Output, html

        before = ["pandas" in sys.modules]
        app = Dash("lazily")
        app.layout = html.Div([html.Div(id="a", children=1), html.Div(id="b")])
        seen = []

        @app.callback_shared(Output("b", "children"), [Input("a", "children")])
        def b(a):
            seen.append([name in sys.modules for name in ("numpy", "pandas", "plotly.io.json")])
            return a

        async def main():
            serving = asyncio.create_task(app.serve(port=0))
            while not seen and not serving.done():
                await asyncio.sleep(0.01)
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

        asyncio.run(main())
        print(before, seen)
    """
    assert ran(program, tmp_path).splitlines()[-1] == "[False] [[True, True, True]]"
