"""The console's part about people: what it shows of an app, and what its buttons do; without a front end."""

import re

import pytest

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.console import Console, status
from dash_devices_nb.testing import Tab
from tests.support.eventually import eventually


@pytest.fixture
def app(own_directories) -> Dash:
    """A device with one knob."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="a", value=0), html.Div(id="b")])
    app.callback_shared(Output("b", "children"), Input("a", "value"))(lambda a: a)
    return app


@pytest.fixture
def own_directories(monkeypatch, tmp_path):
    """A data directory for this test."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))


@pytest.fixture
def panel(app):
    """The app's panel."""
    made = Console(app)
    yield made
    made.close()


def press(panel, label: str) -> None:
    """Press the panel's button of that label, and have it show what follows."""
    pending = list(panel.children)
    for widget in pending:
        pending.extend(getattr(widget, "children", ()))
        if getattr(widget, "description", None) == label:
            widget.click()
            return
    raise AssertionError(f"there is no button {label!r}")


def people(panel):
    """The part about people."""
    return panel.people


async def test_the_floor_its_queue_and_its_buttons(app, tab, panel):
    """Who asks is named in order; grant, deny, open, close and give; names are escaped."""
    eve = await tab(app, role="view", name="<b>Eve</b>", guest=True)
    fay = await tab(app, role="view", name="Fay")
    panel.show()
    assert people(panel).floor.value == "Floor: <b>Open</b> to all controllers"
    assert people(panel).grant.disabled
    await eve.request_control()
    await eventually(lambda: len(app.control.requests) == 1)
    await fay.request_control()
    await eventually(lambda: len(app.control.requests) == 2)
    panel.show()
    assert people(panel).floor.value.endswith("; asking: &lt;b&gt;Eve&lt;/b&gt;, Fay")
    assert "view, asks (2)" in status.clients(app)
    press(panel, "Grant")
    assert app.control.holder.name == "<b>Eve</b>"
    assert people(panel).floor.value == "Floor: <b>&lt;b&gt;Eve&lt;/b&gt;</b> has control; asking: Fay"
    assert "view, has control" in status.clients(app)
    press(panel, "Deny")
    assert app.control.requests == []
    press(panel, "Close")
    assert people(panel).floor.value == "Floor: <b>Closed</b>"
    press(panel, "Open")
    assert app.control.state == "open"
    people(panel).chosen.value = fay.client_id
    press(panel, "Give control")
    assert app.control.holder.name == "Fay"
    app.control.lock(app.control.holder, seconds=90)
    assert status.floor(app) == "Floor: <b>Fay</b> has control, 1 min 30 s left"


async def test_a_role_and_a_notice_for_one(app, tab, panel):
    """The chosen client's; what goes wrong is said in the panel."""
    eve, fay = await tab(app, role="view", name="Eve"), await tab(app, role="view", name="Fay")
    panel.show()
    people(panel).chosen.value = fay.client_id
    assert people(panel).role.value == "view"
    people(panel).role.value = "control"
    panel.show()
    press(panel, "Set role")
    await fay.until(lambda: fay.role["rights"] == "control", 2, "the role")
    people(panel).text.value = "  Well done <3 "
    people(panel).to.value = "chosen client"
    press(panel, "Send")
    people(panel).text.value = "All sit down"
    people(panel).to.value = "view"
    press(panel, "Send")
    await eventually(lambda: fay.notices and eve.notices)
    assert [notice["text"] for notice in fay.notices] == ["Well done <3"]
    assert [notice["text"] for notice in eve.notices] == ["All sit down"]
    assert people(panel).text.value == ""
    people(panel).chosen.value = eve.client_id
    assert people(panel).role.value == "view"
    people(panel).chosen.value = fay.client_id
    assert people(panel).role.value == "control"
    press(panel, "Grant")
    assert "Nobody has asked for control" in panel.message.value
    press(panel, "Disconnect")
    await eventually(lambda: fay.closed_by)
    assert fay.closed_by[0] == 4403


async def test_share_links_are_listed_and_revoked(app, app_server, panel):
    """There while there are some; the pages of one that is revoked close with a reason."""
    app_server.run(app, auth="secret")
    panel.show()
    assert people(panel).links.layout.display == "none"
    first, second = app.share(hours=2, name="Seat 1"), app.share(role="control", hours=2)
    async with Tab(first.url) as guest, Tab(second.url) as other:
        assert (guest.role["role"], guest.role["guest"], other.role["role"]) == ("view", True, "control")
        panel.show()
        assert people(panel).links.layout.display == "flex"
        assert people(panel).shares.value == "Share links: 2, 2 guests"
        labels = [label for label, _ in people(panel).link.options]
        assert re.match(r"Seat 1: view, (2 h 00|1 h 59) min", labels[0])
        assert labels[1].startswith(f"{second.id[:8]}: control, ")
        people(panel).link.value = first.id
        press(panel, "Revoke")
        await eventually(lambda: guest.closed_by)
        assert guest.closed_by[0] == 4403
        assert [share.id for share in app.shares] == [second.id]
        await other.act("a", "value", 4)
        await other.expect("b", "children", 4)


async def test_tabs_of_one_person_are_told_apart(app, tab, panel):
    """Those with the same name are numbered in the order in which they came, in the table and in the choice."""
    first, second = await tab(app, name="Ada"), await tab(app, name="Ada")
    await tab(app, name="Ben")
    labels = [f"{name} ({client.address})" for name, client in zip(("Ada", "Ada #2", "Ben"), app.clients, strict=True)]
    assert [label for label, _ in status.client_options(app)] == labels
    for name in ("Ada", "Ada #2", "Ben"):
        assert f">{name}</td>" in status.clients(app)
    assert "Ada" in repr(app.clients[0])
    await first.close()
    await eventually(lambda: len(app.clients) == 2)
    assert [label for label, _ in status.client_options(app)] == labels[::2]
    assert second.notices == []
