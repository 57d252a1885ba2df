"""A camera of 640x480 pixels: PORT RATE KIND PAGES. It starts when this number of pages is connected.

KIND is "bytes" (JPEG made before), "array" (uint8, encoded at each push) or "base64" (the bytes as a data URL through
`push_mods`, as one does without `push_frame`). The time at which a frame was made stands in a comment of its JPEG.
"""

from __future__ import annotations

import base64
import io
import sys
import threading
import time

import numpy as np
from PIL import Image

from benchmarks.harness import say
from dash_devices_nb import Dash, html

WIDTH, HEIGHT, PICTURES = 640, 480, 30


def pictures() -> list[np.ndarray]:
    """A second of a camera: a gradient that moves, and some noise."""
    random = np.random.default_rng(1)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    made = []
    for number in range(PICTURES):
        base = np.stack([(x + 20 * number) % 256, (y + 10 * number) % 256, (x + y) // 5 % 256], axis=-1)
        made.append((base * 0.85 + random.integers(0, 30, base.shape)).astype(np.uint8))
    return made


def jpeg(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "JPEG", quality=85)
    return stream.getvalue()


def dated(content: bytes) -> bytes:
    """With the time as a comment (ITU T.81, B.2.4.5) behind the first marker."""
    comment = f"{time.time():.6f}".encode()
    return content[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + content[2:]


def main(port: int, rate: float, kind: str, pages: int) -> None:
    app = Dash("camera")
    app.layout = html.Div([html.Img(id="camera"), html.Div(id="text")])
    arrays = pictures()
    encoded = [jpeg(array) for array in arrays]

    def push() -> None:
        while len(app.clients) < pages:
            time.sleep(0.05)
        count, due = 0, time.monotonic()
        while True:
            number = count % PICTURES
            if kind == "array":
                app.push_frame("camera", arrays[number])
            elif kind == "bytes":
                app.push_frame("camera", dated(encoded[number]))
            else:
                text = base64.b64encode(dated(encoded[number])).decode()
                app.push_mods({"camera": {"src": f"data:image/jpeg;base64,{text}"}})
            count += 1
            due = max(due + 1 / rate, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))

    say(bytes=sum(map(len, encoded)) // PICTURES)
    threading.Thread(target=push, daemon=True).start()
    app.run(port=port, auth=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
