"""The cells of the soak's notebook: a device of a class, and how it is edited while the class is at it."""

from __future__ import annotations

APP = """
import asyncio, gc, json, os, threading, time
from pathlib import Path
import numpy as np
from types import SimpleNamespace
from benchmarks.programs.heap import Kept, in_use
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb import ALL, Dash, Input, Output, State, dcc, html
from dash_devices_nb.core.access.persons import Person
from dash_devices_nb.core.access.roles import Role

KNOBS, RATE = 8, 20.0
app = Dash("soak")

def layout_of(title):
    knobs = [dcc.Slider(0, 100, id=f"knob{n}", value=0) for n in range(KNOBS)]
    return html.Div([
        html.H1(title), app.presence(), html.Div(id="device"), html.Img(id="camera"),
        dcc.Graph(id="plot", figure={"data": [{"y": []}, {"y": []}]}), *knobs,
        *[html.Div(id=f"shown{n}") for n in range(KNOBS)], html.Div(id="later"), html.Div(id="rows"),
        dcc.Input(id="mine", value=""), html.Div(id="own"), dcc.Upload("a file", id="up"), html.Div(id="size"),
        dcc.Interval(id="clock", interval=2000), html.Div(id="ticks"), html.Button("all", id="all"),
    ])

app.layout = layout_of("at first")

for number in range(1, KNOBS):
    @app.callback_shared(Output(f"shown{number}", "children"), Input(f"knob{number}", "value"))
    def show(value):
        if value == 99:
            raise ValueError("the device does not take 99")
        return f"at {value}"

@app.callback_shared(Output("later", "children"), Input("shown1", "children"))
async def later(text):
    await asyncio.sleep(0.05)
    return html.B(f"later {text}")

@app.callback_shared(Output("ticks", "children"), Input("clock", "n_intervals"))
def ticks(count):
    return str((count or 0) % 100)

@app.callback(Output("size", "children"), Input("up", "contents"), State("knob0", "value"), prevent_initial_call=True)
def size(contents, knob):
    app.push_mods({"rows": {"children": [html.Div(f"row {n}", id={"type": "row", "row": n}) for n in range(5)]}})
    return len(contents)

@app.callback_connect
def came(client, connect):
    if connect and client.share:
        client.seen = "x" * 1000

class Device:
    "Pushes, streams, shows images, gives the floor: in threads of its own."

    def __init__(self):
        self.count = 0
        self.images = [bytes([0xff, 0xd8, 0xff, 0xe0]) + bytes([n]) * 4000 for n in range(8)]
        self.lost = 0

    def push(self):
        due = time.monotonic()
        while True:
            self.count += 1
            app.push_mods({"device": {"children": f"{self.count} " + "reading " * 20}})
            if self.count % 8 == 0:
                app.stream("plot", np.arange(20).reshape(2, 10) + self.count, np.zeros((2, 10)), max_points=500)
            if self.count % 10 == 0:
                app.push_frame("camera", self.images[self.count // 10 % 8])
            if self.count % 100 == 0:
                app.notice(f"measurement {self.count // 100}", to="control")
            due += 1 / RATE
            time.sleep(max(0.0, due - time.monotonic()))

    def give(self):
        number = 0
        while True:
            number += 1
            time.sleep(5)
            if number % 4 == 0:
                app.control.open()
            elif number % 4 == 1:
                app.control.close()
            elif app.control.requests:
                try:
                    app.control.grant(seconds=3)
                except Exception:
                    self.lost += 1  # who asked has left in between
            guests = [client for client in app.clients if client.share]
            if guests:
                one = guests[number % len(guests)]
                one.role = "view" if number % 2 else "control"

    def watch(self, path):
        while True:
            time.sleep(1)
            loops = {id(loop): loop for loop in (parts_of(app).runtime.io_loop, main_loop) if loop is not None}
            with parts_of(app).runtime.lock:
                pages = list(parts_of(app).runtime.pages.values())
                here = sum(page.connected for page in pages)
            facts = {
                "time": time.monotonic(), "tasks": sum(len(asyncio.all_tasks(loop)) for loop in loops.values()),
                "pages": len(pages), "connected": here, "journal": len(app.journal), "pushes": self.count,
                "blocks": __import__("sys").getallocatedblocks(),
                "descriptors": len(os.listdir("/proc/self/fd")), "threads": threading.active_count(),
                **in_use(), "kept_mb": kept.megabytes,
            }
            with open(path, "a") as file:
                file.write(json.dumps(facts) + "\\n")

main_loop = asyncio.get_event_loop()
device = Device()
kept = Kept()
# What is bounded is full at once: the journal by pushes, the log of what callbacks print by lines, the roles of persons
# by those of browsers that are gone, and what is kept of pages that have left by as many as leave of each link here.
for number in range(2000):
    app.output_log.add("filler", "stdout", f"line {number}")
for number in range(app.journal.limit):
    app.push_mods({"device": {"children": f"{number} " + "reading " * 20}})
for number in range(10_000):
    parts_of(app).sessions.roles.persons.give(Person("", f"browser {number}"), Role.VIEW)
for number in range(29 * 65 + 300):
    link = None if number >= 29 * 65 else f"link {number % 29}"
    who = SimpleNamespace(id=f"client {number:05}", share=link, username=None)
    page = SimpleNamespace(client=who, key=f"key {number:018}", sequence=0, knows=(0, 0))
    parts_of(app).sessions.returning.leaves(page)
gc.collect()
app.run(jupyter_mode="external")
"""

START = """
for work in (device.push, device.give):
    threading.Thread(target=work, daemon=True).start()
threading.Thread(target=device.watch, args=({path!r},), daemon=True).start()
"""

EDITED = """
@app.callback_shared(Output("shown0", "children"), Input("knob0", "value"))
def shown(value):
    return "edition {number}: " + str(value)

@app.callback(Output("own", "children"), Input("mine", "value"), State("knob0", "value"))
def own(text, knob):
    return "edition {number}: " + str(text)

@app.callback_shared(Output("rows", "className"), Input({{"type": "mine", "row": ALL}}, "value"))
def mine(values):
    return "edition{number}"
"""

LAYOUT = """
app.layout = layout_of("edition {number}")
"""

LINKS = """
for old in app.shares[:-4]:
    old.revoke()
print(json.dumps({role: app.share(role=role, hours=2).url for role in ("view", "control")}))
"""

COUNTS = """
import collections, gc
gc.collect()
found = collections.Counter(type(each).__qualname__ for each in gc.get_objects())
print(json.dumps({"objects": sum(found.values()), "types": dict(found.most_common(400))}))
"""

TRACE = """
import tracemalloc
if tracemalloc.is_tracing():
    gc.collect()
    after = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, tracemalloc.__file__)])
    for each in after.compare_to(before, "traceback")[:25]:
        print(each.size_diff // 1024, "kB in", each.count_diff, "blocks")
        print("\\n".join(each.traceback.format()))
    tracemalloc.stop()
else:
    import gc
    gc.collect()
    tracemalloc.start(8)
"""
