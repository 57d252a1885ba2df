"""The cells of a small device for a front end's console, whose callback prints, and fails at 0."""

DEVICE = """
from pathlib import Path
from dash_devices_nb import Dash, Input, Output, dcc, html

app = Dash("device")
app.layout = html.Div([dcc.Slider(0, 30, 1, id="target", value=20), html.P(id="shown")])

@app.callback_shared(Output("shown", "children"), Input("target", "value"))
def show(target):
    print(f"the target is {target}")
    return f"{100 / target:g}"

app.run(port=0, jupyter_mode="_none", auth=None)
Path("url.txt").write_text(app.url)
"""
"""It leaves its URL in the file url.txt beside its notebook."""

CONSOLE = "app.console()"
