"""Speculative execution of chained regular callbacks with `chain=True`: one round trip for the whole chain.

If a callback's answer sets an input of such a callback, and the request and the answer together contain all of its
inputs and state, the server calls it at once and sends both answers. The page's renderer still makes its request after
it has applied the first answer, as always. If the request is the predicted one (same values, same changed inputs), the
page has the answer already. If not, the page sends the request and drops the prediction. So a callback that opts in may
be called with values that are never used.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import replace

import orjson

from dash_devices_nb.app.execution.regular_call import OK, Answer, RegularCall
from dash_devices_nb.app.execution.requested_outputs import CallbackRequest
from dash_devices_nb.app.stock_dash.types import JsonObject, JsonValue

MOST_LINKS = 20


class Speculation:
    """Predicts the next requests of a page, for one app.

    Args:
        start: starts a request.
        declared: returns the callbacks as pages get them.
        report: reports the exception of a request that cannot be started.
        may: returns whether predictions are allowed. They are not if the program authorizes each request.
    """

    def __init__(
        self,
        start: Callable[[RegularCall], None],
        declared: Callable[[], list[JsonObject]],
        report: Callable[[BaseException, RegularCall], None],
        may: Callable[[], bool],
    ) -> None:
        self._start = start
        self._declared = declared
        self._report = report
        self._may = may
        self.outputs: set[str] = set()

    def finish(self, call: RegularCall, answer: Answer) -> None:
        """Answer a call, once the calls that follow from it have ended."""
        following: list[JsonObject] = []
        try:
            following = self._following(call, answer) if self.outputs and answer.status == OK else []
        except Exception as error:  # noqa: BLE001 - the page makes the request itself
            self._report(error, call)
        if not following:
            call.done(answer)
            return
        links = _Links(call, answer, len(following))
        for number, body in enumerate(following):
            asked = question(body)  # before the program gets the body and may change it
            done = functools.partial(links.ended, number, body["output"], asked)
            try:
                self._start(replace(call, asked=CallbackRequest.of(body), done=done, links=call.links + 1))
            except Exception as error:  # noqa: BLE001 - the answer is sent without this prediction
                self._report(error, call)
                links.ended(number, body["output"], asked, None)

    def _following(self, call: RegularCall, answer: Answer) -> list[JsonObject]:
        if call.links >= MOST_LINKS or not self._may():
            return []
        set_now = _set_by(answer)
        came = call.asked.fresh()  # the program may have changed its own copy
        known = {**_values(came.get("inputs")), **_values(came.get("state")), **set_now}
        bodies = []
        for declared in self._declared():
            if declared["output"] not in self.outputs or declared["output"] == call.body.get("output"):
                continue
            changed = [_name(each) for each in declared["inputs"] if _name(each) in set_now]
            needed = [_name(each) for each in declared["inputs"] + declared["state"]]
            if changed and all(name in known for name in needed):
                bodies.append(_body(declared, known, changed))
        return bodies


class _Links:
    """The calls that follow from an answer. The answer is sent when the last of them has ended."""

    def __init__(self, call: RegularCall, answer: Answer, count: int) -> None:
        self._call = call
        self._answer = answer
        self._lock = threading.Lock()
        self._open = set(range(count))

    def ended(self, number: int, output: str, asked: list[JsonValue], answer: Answer | None) -> None:
        """A call was answered, or (None) will not be. Only the first report counts. From any thread."""
        try:
            foreseen = [] if answer is None else [_foreseen(output, asked, answer), *answer.chain]
        except orjson.JSONDecodeError:
            foreseen = []  # the page makes these requests itself
        with self._lock:
            if number not in self._open:
                return
            self._open.remove(number)
            self._answer.chain.extend(foreseen)
            last = not self._open
        if last:
            self._call.done(self._answer)


def _foreseen(output: str, asked: list[JsonValue], answer: Answer) -> JsonObject:
    return {"o": output, "k": asked, "s": answer.status, "b": _embedded(answer)}


def question(body: JsonObject) -> list[JsonValue]:
    """Return the essence of a request, to compare with a prediction. The page computes it in the same way."""
    items = [*(body.get("inputs") or ()), *(body.get("state") or ())]
    values = [[item["id"], item["property"], item.get("value")] for item in items if isinstance(item, dict)]
    return [values, sorted(body.get("changedPropIds") or ())]


def _embedded(answer: Answer) -> JsonValue:
    return orjson.loads(answer.body) if answer.status == OK and answer.body else answer.body


def _name(dependency: JsonObject) -> str:
    return f"{dependency['id']}.{dependency['property']}"


def _values(items: JsonValue) -> JsonObject:
    return {_name(item): item.get("value") for item in items or () if isinstance(item, dict)}


def _set_by(answer: Answer) -> JsonObject:
    response = orjson.loads(answer.body).get("response") or {}
    return {
        f"{component_id}.{prop}": value
        for component_id, props in response.items()
        for prop, value in props.items()
        if not (isinstance(value, dict) and "__dash_patch_update" in value)
    }


def _body(declared: JsonObject, known: JsonObject, changed: list[str]) -> JsonObject:
    """Build the request that the renderer will make."""

    def filled(dependencies: list[JsonObject]) -> list[JsonObject]:
        return [{"id": d["id"], "property": d["property"], "value": known[_name(d)]} for d in dependencies]

    output = declared["output"]
    several = output.startswith("..") and output.endswith("..")
    names = output[2:-2].split("...") if several else [output]
    outputs = [{"id": n.rpartition(".")[0].replace("\\.", "."), "property": n.rpartition(".")[2]} for n in names]
    return {
        "output": output,
        "outputs": outputs if several else outputs[0],
        "inputs": filled(declared["inputs"]),
        "state": filled(declared["state"]),
        "changedPropIds": changed,
    }
