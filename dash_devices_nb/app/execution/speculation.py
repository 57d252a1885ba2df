"""Chains of regular callbacks on the server, for those that opt in with `chain=True`: one trip instead of one a link.

When a callback's answer sets an input of such a callback, and the request with its answer tells all of its inputs and
state, the server calls it at once and sends its answer along. The page's renderer asks for it all the same, as it
always does after it has applied the first answer; where the question is the one that was foreseen (the same values, the
same inputs changed), the page has the answer already. Where it is not, the page asks as usual, and what was foreseen is
dropped: a callback that opts in may therefore be called with values that lead to nothing.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from dash_devices_nb.app.execution.regular_call import OK, Answer, RegularCall
from dash_devices_nb.app.execution.requested_outputs import CallbackRequest

MOST_LINKS = 20


class Speculation:
    """Foresees what a page will ask next, for one app.

    Args:
        start: starts a request.
        declared: the callbacks as pages get them.
        report: reports what a request that cannot be started raises.
        may: whether the answer to one request may stand for another's: not where each is asked who may.
    """

    def __init__(
        self,
        start: Callable[[RegularCall], None],
        declared: Callable[[], list[dict[str, Any]]],
        report: Callable[[BaseException, RegularCall], None],
        may: Callable[[], bool],
    ) -> None:
        self._start = start
        self._declared = declared
        self._report = report
        self._may = may
        self.outputs: set[str] = set()

    def finish(self, call: RegularCall, answer: Answer) -> None:
        """Give a call its answer, after what follows from it."""
        following: list[dict[str, Any]] = []
        try:
            following = self._following(call, answer) if self.outputs and answer.status == OK else []
        except Exception as error:  # noqa: BLE001 - the page asks for itself
            self._report(error, call)
        if not following:
            call.done(answer)
            return
        links = _Links(call, answer, len(following))
        for number, body in enumerate(following):
            asked = question(body)  # before the program gets it, and may change it
            done = functools.partial(links.ended, number, body["output"], asked)
            try:
                self._start(replace(call, asked=CallbackRequest.of(body), done=done, links=call.links + 1))
            except Exception as error:  # noqa: BLE001 - the answer goes out without it
                self._report(error, call)
                links.ended(number, body["output"], asked, None)

    def _following(self, call: RegularCall, answer: Answer) -> list[dict[str, Any]]:
        if call.links >= MOST_LINKS or not self._may():
            return []
        set_now = _set_by(answer)
        came = call.asked.fresh()  # the program may have changed what it was given
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
    """What follows from an answer, which goes out when the last of its links has ended."""

    def __init__(self, call: RegularCall, answer: Answer, count: int) -> None:
        self._call = call
        self._answer = answer
        self._lock = threading.Lock()
        self._open = set(range(count))

    def ended(self, number: int, output: str, asked: list[Any], answer: Answer | None) -> None:
        """A link has its answer, or (None) will have none. Only the first one counts; from any thread."""
        try:
            foreseen = [] if answer is None else [_foreseen(output, asked, answer), *answer.chain]
        except orjson.JSONDecodeError:
            foreseen = []  # the page asks for what cannot be sent along
        with self._lock:
            if number not in self._open:
                return
            self._open.remove(number)
            self._answer.chain += foreseen
            last = not self._open
        if last:
            self._call.done(self._answer)


def _foreseen(output: str, asked: list[Any], answer: Answer) -> dict[str, Any]:
    return {"o": output, "k": asked, "s": answer.status, "b": _embedded(answer)}


def question(body: dict[str, Any]) -> list[Any]:
    """What a page asks, comparable with what was foreseen; the page makes it in the same way."""
    items = [*(body.get("inputs") or ()), *(body.get("state") or ())]
    values = [[item["id"], item["property"], item.get("value")] for item in items if isinstance(item, dict)]
    return [values, sorted(body.get("changedPropIds") or ())]


def _embedded(answer: Answer) -> Any:
    return orjson.loads(answer.body) if answer.status == OK and answer.body else answer.body


def _name(dependency: dict[str, Any]) -> str:
    return f"{dependency['id']}.{dependency['property']}"


def _values(items: Any) -> dict[str, Any]:
    return {_name(item): item.get("value") for item in items or () if isinstance(item, dict)}


def _set_by(answer: Answer) -> dict[str, Any]:
    response = orjson.loads(answer.body).get("response") or {}
    return {
        f"{component_id}.{prop}": value
        for component_id, props in response.items()
        for prop, value in props.items()
        if not (isinstance(value, dict) and "__dash_patch_update" in value)
    }


def _body(declared: dict[str, Any], known: dict[str, Any], changed: list[str]) -> dict[str, Any]:
    """The request that the renderer will make."""

    def filled(dependencies: list[dict[str, Any]]) -> list[dict[str, Any]]:
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
