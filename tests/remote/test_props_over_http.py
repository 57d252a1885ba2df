"""Props over HTTP for programs in any language: `{app}/api/props/{id}/{prop}`, and the OpenAPI document."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest

from dash_devices_nb import ALL, Dash, Input, Output, dcc, html
from tests.remote.conftest import make_app
from tests.support.eventually import eventually_sync


@pytest.fixture
def http(app):
    """A program without a page."""
    with httpx.Client(base_url=app.url) as client:
        yield client


def test_a_prop_is_read_and_set(app, http, joined):
    """The revision is the ETag; the others see the change, and who asks again is told that nothing is new."""
    device = joined(app.url)
    first = http.get("/api/props/target/value")
    assert first.json() == {"id": "target", "prop": "value", "value": 20, "revision": 0}
    put = http.put("/api/props/target/value", json={"value": 21})
    assert (put.status_code, put.headers["ETag"]) == (200, f'"{put.json()["revision"]}"')
    eventually_sync(lambda: device["shown"]["children"].value == "target 21 gain 1")
    again = http.get("/api/props/target/value")
    assert (again.json()["value"], again.headers["ETag"]) == (21, put.headers["ETag"])
    same = http.get("/api/props/target/value", headers={"If-None-Match": put.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert [entry.summary for entry in app.journal.filter("change")] == ["target.value = 21"]


def test_if_match_is_compare_and_set(http):
    """The slower of two gets 412, with the value that holds and its ETag."""
    tag = http.get("/api/props/gain/value").headers["ETag"]
    first = http.put("/api/props/gain/value", json={"value": 2}, headers={"If-Match": tag})
    late = http.put("/api/props/gain/value", json={"value": 2}, headers={"If-Match": tag})
    assert (first.status_code, late.status_code) == (200, 412)
    assert late.json() == {
        "error": "gain.value was changed after revision 0.",
        "value": 2,
        "revision": first.json()["revision"],
    }
    assert late.headers["ETag"] == first.headers["ETag"]
    assert http.put("/api/props/gain/value", json={"value": 3}, headers={"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize(
    ("path", "sent", "status", "text"),
    [
        ("targt/value", {"json": {"value": 1}}, 404, "There is no component 'targt'."),
        ("target/max", {"json": {"value": 1}}, 409, "target.max is not shared: no shared callback uses it."),
        ("secret/value", {"json": {"value": 1}}, 403, "You may not change secret.value: that is for the owner."),
        ("target/value", {"json": {"values": 1}}, 400, "The body is {\"value\": ...}, not an object with ['values']."),
        ("target/value", {"json": {"value": {"__dash_patch_update": 1}}}, 400, "A program sets values"),
        ("target/value", {"content": "{", "headers": {"Content-Type": "application/json"}}, 400, "is not JSON"),
        ("target/value", {"content": "1"}, 415, "The body of a request is JSON"),
        ("target/value", {"json": {"value": 1}, "headers": {"If-Match": "7"}}, 400, "If-Match is the ETag"),
        (
            "target/value",
            {"json": {"value": 1}, "headers": {"If-Match": f'"{"9" * 5000}"'}},
            400,
            "If-Match is the ETag",
        ),
        ("x" * 10_001 + "/value", {"json": {"value": 1}}, 400, "an id has at most 10000"),
        ("target/value", {"json": {"value": 1}, "headers": {"Origin": "http://evil.example"}}, 403, "evil.example"),
    ],
)
def test_what_is_refused_is_one_sentence(http, path, sent, status, text):
    """And nothing is set."""
    answer = http.put(f"/api/props/{path}", **sent)
    assert answer.status_code == status
    assert text in answer.text
    assert http.get("/api/props/target/value").json()["value"] == 20
    assert http.get("/api/props/targt/value").status_code == 404


async def test_a_link_counts_and_so_does_the_floor(app_server):
    """A guest reads; it sets with "control", while the floor is open."""
    app = make_app()
    app_server.run(app, auth="secret")
    base = app.url.partition("?")[0]
    async with httpx.AsyncClient(base_url=base) as stranger:
        assert (await stranger.get("/api/props/target/value")).status_code == 403
    for role, expected in (("view", 403), ("control", 200)):
        async with httpx.AsyncClient(base_url=base, follow_redirects=True) as guest:
            await guest.get("/", params={"share": app.share(role).url.partition("?share=")[2]})
            assert (await guest.get("/api/props/target/value")).json()["value"] == 20
            assert (await guest.put("/api/props/target/value", json={"value": 20})).status_code == expected
    app.control.close()
    async with httpx.AsyncClient(base_url=base, follow_redirects=True) as guest:
        await guest.get("/", params={"share": app.share("control").url.partition("?share=")[2]})
        refused = await guest.put("/api/props/target/value", json={"value": 1})
        assert (refused.status_code, refused.text) == (
            403,
            "You may not change target.value: the controls are closed now.",
        )
    assert "the controls are closed now" in app.journal.filter("refusal")[-1].what


def test_an_app_that_asks_who_acts_lets_only_its_sessions_set(app_server, joined):
    """`callback_authorize_output` is asked about a program as about a page; without a session nobody can be asked."""
    app = make_app()
    app.callback_authorize_output(lambda client, output: client.kind == "program" and output != "guarded.children")
    url = app_server.run(app)
    assert httpx.put(f"{url}api/props/target/value", json={"value": 1}).status_code == 403
    device = joined(url)
    device["target"].set(2)
    with pytest.raises(Exception, match=r"You may not change secret\.value\."):
        device["secret"].set("new")


def test_ids_of_patterns_have_addresses(app_server):
    """A dict id is JSON, quoted; its keys are in any order."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id={"type": "a/b", "n": 1}, value=1), html.Div(id="sum")])
    app.callback_shared(Output("sum", "children"), Input({"type": "a/b", "n": ALL}, "value"))(sum)
    url = app_server.run(app)
    component_id = quote('{"n":1,"type":"a/b"}', safe="")
    address = f"{url}api/props/{component_id}/value"
    assert httpx.put(address, json={"value": 5}).status_code == 200
    assert httpx.get(address).json()["value"] == 5


def test_the_document_tells_what_there_is(http):
    """The props, which are shared, and the callbacks by name with their arguments; each path answers."""
    answer = http.get("/api/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    told = answer.json()
    assert told["openapi"] == "3.1.0"
    assert told["servers"] == [{"url": ".."}]
    assert set(told["paths"]) == {"/api/props/{id}/{prop}", "/measure"}
    props = told["paths"]["/api/props/{id}/{prop}"]
    assert "target.value" in props["parameters"][0]["examples"]
    assert set(props["put"]["responses"]) == {"200", "400", "403", "404", "409", "412", "422", "429"}
    body = told["paths"]["/measure"]["post"]["requestBody"]
    assert body == {
        "required": False,
        "content": {"application/json": {"schema": {"type": "object", "properties": {"voltage": {}}}}},
    }
    assert http.post("/measure", json={"voltage": 2}).json() == "2 V"
