"""A camera: its stream is a route of the program's own, a multipart response, beside the page. Served by any server."""

import asyncio

import quart

import dash_devices_nb as dash_devices
from dash_devices_nb import html
from dash_devices_nb.dependencies import Input, Output

FRAME = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8db0"
    "0000000049454e44ae426082"
)

app = dash_devices.Dash(__name__)
app.layout = html.Div(
    [html.Img(id="video", src="/video"), html.Button("snap", id="snap"), html.Div(id="taken"), html.Div(id="pushed")]
)
gains = []


@app.server.route("/video")
async def video():
    async def frames():
        while True:
            yield b"--frame\r\nContent-Type: image/png\r\n\r\n" + FRAME + b"\r\n"
            await asyncio.sleep(0.05)

    response = quart.Response(frames(), mimetype="multipart/x-mixed-replace; boundary=frame")
    response.timeout = None
    return response


@app.server.route("/gain/<int:gain>", methods=["POST"])
async def gain(gain):
    gains.append(gain)
    await app.push_mods_coro({"pushed": {"children": f"gain {gain}"}})
    return {"gains": gains}


@app.callback_shared(Output("taken", "children"), [Input("snap", "n_clicks")])
def snap(n_clicks):
    return f"{n_clicks or 0} pictures"
