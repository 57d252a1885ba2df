"""Random frames and requests as no page sends them: whoever gives the `Random` chooses, so hypothesis may."""

from __future__ import annotations

import json
from random import Random
from typing import Any

IDS = ("typed", "serial", "shown", "serial-out", "set", "both", "doubled", "gone", '{"n":1}', '{"n":', "", "x" * 20_000)
PROPS = ("value", "children", "data", "n_clicks", "id", "", "value@3", "p" * 2_000)
OUTPUTS = (
    "shown.children",
    "serial-out.children",
    "..shown.children...serial-out.children..",
    "nothing.children",
    '{"n":["MATCH"]}.value',
    "..",
    "....",
    "",
    "no dot",
)
PATHS = ("_dash-update-component", "_dash-layout", "_dash-dependencies", "_reload-hash", "../x", "")
TYPES = (
    ("set",) * 6
    + ("req",) * 6
    + ("ok", "shown", "ping", "got", "want", "floor", "name", "hello", "welcome", "bye!")
    + ("here", "watch", "choice", "look", "crowd")
)
RAW = (
    "1" * 30,
    "-" + "9" * 400,
    "1e400",
    "1e-400",
    "0.1e",
    "NaN",
    "Infinity",
    "-0",
    '"\\ud83d"',
    '"\\udc00\\ud83d"',
    '"\\u0000"',
    '{"__dash_patch_update":"__dash_patch_update","operations":[{"operation":"Nonsense"}]}',
    '{"namespace":"dash_html_components","type":"Div","props":{"id":"typed","children":"x"}}',
    '{"a":1,"a":2}',
)
"""JSON, or nearly, that Python's `json` would not write."""
WAYS = ("/_dash-update-component",) * 6 + (
    *("/api/shown", "/_dash-layout", "/_dash-devices/none", "/%ff", "/_dash-devices/stop/%00"),
    *("/api/props/typed/value", "/api/props/%7B%22n%22%3A1%7D/value", "/api/props/%5B/%ff", "/_favicon.ico"),
    *("/_dash-component-suites/dash/%00", "/_dash-component-suites/os/path", "/_dash-component-suites/%2e%2e/x"),
)


def nested(levels: int, random: Random) -> str:
    """JSON text that is so deep."""
    if random.random() < 0.5:
        return "[" * levels + "]" * levels
    return '{"a":' * levels + "1" + "}" * levels


def value(random: Random, levels: int = 3) -> str:
    """JSON text of a value, or nearly."""
    kind = random.randrange(9)
    if kind == 0:
        return nested(random.choice((1, 100, 235, 241, 254, 255, 1023, 1025, 5_000)), random)
    if kind == 1:
        return random.choice(RAW)
    if kind == 2 and levels:
        return "[" + ",".join(value(random, levels - 1) for _ in range(random.randrange(4))) + "]"
    if kind == 3 and levels:
        names = [json.dumps(random.choice((*IDS[:9], *PROPS[:6]))) for _ in range(random.randrange(4))]
        return "{" + ",".join(f"{name}:{value(random, levels - 1)}" for name in names) + "}"
    plain: Any = random.choice((None, True, 0, -1, 7, 2**53, 1.5, "", "text", "ä€😀", "x" * 300, [], {}))
    return json.dumps(plain, ensure_ascii=random.random() < 0.5)


def _object(fields: dict[str, str], random: Random) -> str:
    """A JSON object of these texts, at times without one of them, or with another value."""
    if fields and random.random() < 0.3:
        name = random.choice(list(fields))
        if random.random() < 0.5:
            del fields[name]
        else:
            fields[name] = value(random)
    return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in fields.items()) + "}"


def _number(random: Random) -> str:
    return random.choice(("0", "1", "2", "3", "50", "99999", "-1", "1.5", "true", "null", str(2**63), "9" * 25))


def _item(random: Random) -> str:
    component_id = random.choice(IDS) if random.random() < 0.8 else {"n": random.randrange(3)}
    fields = {"id": json.dumps(component_id), "property": json.dumps(random.choice(PROPS)), "value": value(random)}
    return _object(fields, random)


def _items(random: Random) -> str:
    return "[" + ",".join(_item(random) for _ in range(random.randrange(3))) + "]"


def _ids(random: Random) -> str:
    return json.dumps([random.choice((*IDS, f"made-{random.randrange(5)}")) for _ in range(random.randrange(3))])


def _edits(random: Random) -> str:
    """What components have changed in place."""
    steps = [random.choice(("0", "1", "-1", "99999", '"a"', '"__proto__"', "null")) for _ in range(random.randrange(4))]
    place = f"[[{','.join(steps)}],{value(random)}]"
    return f"[[{json.dumps(random.choice(IDS))},{json.dumps(random.choice(PROPS))},[{place}]]]"


def body(random: Random) -> str:
    """A request for a callback."""
    item = {"id": '"typed"', "property": '"value"', "value": value(random)}
    fields = {
        "output": json.dumps(random.choice(OUTPUTS)),
        "outputs": random.choice((_items(random), _item(random), '{"id":"shown","property":"children"}')),
        "inputs": random.choice((f"[{_object(item, random)}]", _items(random), f"[{_items(random)}]")),
        "state": random.choice(("[]", _items(random))),
        "changedPropIds": random.choice(('["typed.value"]', "[]", "[1]", '"typed.value"', "null")),
    }
    return _object(fields, random)


def text(random: Random) -> str:
    """The text of a frame."""
    kind = random.choice(TYPES)
    fields = {"t": json.dumps(kind)}
    if kind == "set":
        props = {json.dumps(random.choice(PROPS)): value(random) for _ in range(random.randrange(1, 3))}
        inner = "{" + ",".join(f"{name}:{each}" for name, each in props.items()) + "}"
        number = str(random.randrange(1, 10**6)) if random.random() < 0.8 else _number(random)
        fields |= {"s": number, "m": f"{{{json.dumps(random.choice(IDS))}:{inner}}}"}
        if random.random() < 0.2:
            fields["e"] = _edits(random)
    elif kind == "req":
        path = random.choice(PATHS[:1] * 6 + PATHS)
        number = str(random.randrange(1, 10**6)) if random.random() < 0.8 else _number(random)
        fields |= {"n": number, "path": json.dumps(path), "query": '"?a=%ff"', "body": body(random)}
    elif kind == "want":
        fields |= {"ids": f"{{{json.dumps(random.choice(IDS))}:{_number(random)}}}", "m": '{"set":["value"]}'}
    elif kind == "here":
        fields |= {name: _ids(random) for name in ("ids", "gone")}
    elif kind == "watch":
        fields["ids"] = f"{{{json.dumps(random.choice(IDS))}:{_number(random)}}}"
    elif kind in ("choice", "crowd"):
        fields |= {"n": _number(random), "option": _number(random)}
    else:
        names = ("id", "prop", "n", "value", "rtt", "name", "visible", "want", "lacks", "ids", "gone")
        fields |= {name: value(random) for name in names if random.random() < 0.3}
    for name in ("q", "k", "c"):
        if random.random() < 0.2:
            fields[name] = _number(random) if name != "c" else random.choice(("[]", '["set","value",1]', value(random)))
    return _object(fields, random)


def mutated(data: bytes, random: Random) -> bytes:
    """The same with a few bytes cut, turned or put in."""
    for _ in range(random.randrange(1, 4)):
        place = random.randrange(len(data) + 1)
        way = random.randrange(4)
        if way == 0:
            data = data[:place]
        elif way == 1:
            data = data[:place] + bytes((random.randrange(256),)) + data[place + 1 :]
        elif way == 2:
            data = (
                data[:place] + random.choice((b'"', b"{", b"]", b"\\ud83d", b"\x00", b"\xff", b"1e999")) + data[place:]
            )
        else:
            data = data[:place] + data[place // 2 : place] + data[place:]
    return data


def frame(random: Random) -> bytes:
    """The payload of a frame: UTF-8, but for one in a thousand, as it ends the connection."""
    data = text(random).encode()
    if random.random() < 0.2:
        data = mutated(data, random)
    return data if random.random() < 0.001 else data.decode(errors="replace").encode()


def request(random: Random) -> tuple[str, str, dict[str, str], bytes]:
    """Method, path, headers and body of a request over HTTP."""
    data = body(random).encode() if random.random() < 0.8 else value(random).encode()
    if random.random() < 0.4:
        data = mutated(data, random)
    path = random.choice(WAYS)
    method = "POST" if path in ("/_dash-update-component", "/api/shown") else random.choice(("GET", "POST", "PUT"))
    kind = random.choice(("application/json",) * 5 + ("text/plain", "", "application/json; charset=x"))
    headers = {"Content-Type": kind}
    if random.random() < 0.2:
        headers["X-Dash-Devices-Client"] = random.choice(("a.b", "..", "\u00e4", "x" * 300))
    if random.random() < 0.2:
        headers["Range"] = random.choice(
            ("bytes=0-0", "bytes=-3", f"bytes=-{'9' * 5000}", "bytes=1-0", "x=1", "\u00e4")
        )
    if random.random() < 0.2:
        headers["If-Match"] = random.choice(('"1"', "*", f'"{"9" * 5000}"', "\u00e4"))
    return method, path, headers, data
