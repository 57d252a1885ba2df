"""The console in a real kernel, without a front end: its widgets' messages are looked at."""

from __future__ import annotations

from dash_devices_nb.testing import Tab
from tests.app.definitions.live.conftest import Live
from tests.support.eventually import eventually

CALLBACKS = """
    import sys

    @app.callback_shared(Output("shown", "children"), Input("target", "value"))
    def show(target):
        print("show <b>says</b>", target)
        print("half a line", end="")
        return f"{100 / target:g}"

    @app.callback(Output("third", "children"), Input("other", "value"))
    async def own(other):
        await asyncio.sleep(0)
        print("own warns", other, file=sys.stderr)
        return other

    @app.callback_connect
    def named(client, connect):
        client.role = "operator"
        print("hook")
"""

SHOWN = (
    "'\\n'.join(each.value for each in (panel._heading, panel._clients, panel._callbacks, panel._log, panel.message))"
)


async def shown(live: Live) -> str:
    return await live.ask(SHOWN)


async def console(live: Live) -> None:
    await live.cell("callbacks", CALLBACKS)
    await live.run()
    await live.cell("console", "panel = app.console(); panel")


async def views(live: Live, count: int) -> None:
    """What a front end does when the panel comes in sight, or goes."""
    await live.ask(f"panel.set_state({{'_view_count': {count}}})")


async def test_importing_and_running_do_not_load_the_widgets(live: Live):
    """ipywidgets is loaded when the console is asked for."""
    await live.cell("callbacks", CALLBACKS)
    await live.run()
    assert await live.ask("'ipywidgets' in __import__('sys').modules") == "False"
    cell = await live.cell("console", "app.console()")
    assert "application/vnd.jupyter.widget-view+json" in cell.displays[0]


async def test_the_panel_shows_clients_callbacks_and_their_output(live: Live):
    """While it is in sight it follows, at most four times a second; markup is escaped, the cells keep their output."""
    await console(live)
    await views(live, 1)
    async with live.tab() as tab:
        await tab.act("target", "value", 5)
        await tab.expect("shown", "children", "20")
        await tab.send({"t": "ping", "rtt": 12.34})

        async def complete() -> bool:
            text = await shown(live)
            return all(
                part in text
                for part in (
                    "1 page", "127.0.0.1", "operator", ">12.3<", "show &lt;b&gt;says&lt;/b&gt; 5", "half a line",
                    "own warns 1", ">named<", ">own<", "cell [2]", "hook",
                )
            )  # fmt: skip

        await eventually(complete)
        text = await shown(live)
        assert "<b>says" not in text
        assert text.index("show &lt;b&gt;says&lt;/b&gt; 5") < text.index("show &lt;b&gt;says&lt;/b&gt; 20"), (
            "newest first"
        )
        callbacks = next(cell for cell in live.kernel.cells if "def show" in cell.code)
        assert "show <b>says</b> 5\nhalf a line" in callbacks.text
        echoes = await live.ask("(sys.stdout.echo.before, sys.stderr.echo.before)")
        assert echoes == "(None, None)", "ours stand there while the app runs, each once"
    await eventually(lambda: _has(live, "Nobody is there."))


async def test_displays_warnings_and_logging_are_in_the_log_as_text_and_rich_under_their_cell(live: Live):
    """Of plain and coroutine callbacks that run at the same time, each under its own name; none is sent twice."""
    code = """
        import logging, warnings
        from IPython.display import HTML, display

        logging.basicConfig()

        @app.{kind}(Output("{output}", "children"), Input("target", "value"))
        {way}def {name}(target):
            display(HTML(f"<i>{name} {{target}}</i>"))
            warnings.warn(f"{name} warns of {{target}}")
            logging.warning(f"{name} logs {{target}}")
            {wait}
            handle = display({{"{name}": target}}, display_id=True)
            handle.update("updated")
            return target
    """
    wait = "await asyncio.sleep(0.01)"
    for number, kind in enumerate(("callback", "callback_shared")):
        for way, name in (("", f"plain{number}"), ("async ", f"coro{number}")):
            output = ("shown", "third", "fourth", "fifth")[2 * number + bool(way)]
            pause = wait if way else "time.sleep(0.01)"
            await live.cell(name, code.format(kind=kind, output=output, way=way, name=name, wait=pause))
    await live.run()
    async with live.tab() as tab:
        await tab.act("target", "value", 7)
        for output in ("shown", "third", "fourth", "fifth"):
            await tab.expect(output, "children", 7)
        await tab.settled()
        logged = await live.ask("*((line.name, line.stream, line.text) for line in app.output_log), sep=chr(10)")
        for name in ("plain0", "coro0", "plain1", "coro1"):
            cell = next(each for each in live.kernel.cells if f"def {name}" in each.code)
            shown = [each.get("text/html") for each in cell.displays]
            assert shown.count(f"<i>{name} 7</i>") == 1
            assert f"{name} logs 7" in cell.stderr
            assert not [each for each in shown if each and name not in each]
            assert logged.count(f"('{name}', 'display', \"{{'{name}': 7}}\")") == 1
            assert logged.count(f"('{name}', 'display', '<IPython.core.display.HTML object>')") == len(shown) // 2
            assert f"('{name}', 'stderr', 'WARNING:root:{name} logs 7')" in logged
            assert f"UserWarning: {name} warns of 7" in logged
        assert "updated" not in logged
        assert await live.ask("get_ipython().display_pub._hooks") == "[]"


async def _has(live: Live, text: str) -> bool:
    return text in await shown(live)


async def test_the_buttons_pause_step_resume_and_disconnect(live: Live):
    """They do what app.pause and the others do; what cannot be done is said in the panel."""
    await console(live)
    async with live.tab() as tab:
        await tab.expect("shown", "children", "5")
        await live.ask("panel._pause.click()")
        assert "Paused" in await shown(live)
        assert await live.ask("(panel._pause.disabled, panel._step.disabled, panel._resume.disabled)") == (
            "(True, False, False)"
        )
        await live.ask("panel._step.click()")
        assert "No call waits; act on a page, or app.resume()." in await shown(live)
        await tab.act("target", "value", 4)
        await eventually(lambda: _waits(live))
        await live.ask("panel._step.click()")
        await tab.expect("shown", "children", "25")
        assert "No call waits" not in await shown(live)
        await tab.act("target", "value", 2)
        await eventually(lambda: _waits(live))
        await live.ask("panel._resume.click()")
        await tab.expect("shown", "children", "50")
        assert "Running" in await shown(live)
        await live.ask("[each.click() for each in panel.children[1].children if each.description == 'Reload pages']")
        await live.followed(tab)
        assert await live.ask("panel.people.chosen.value") == tab.client_id
        rows = "(each for row in panel.people.children for each in row.children)"
        await live.ask(f"[each.click() for each in {rows} if getattr(each, 'description', '') == 'Disconnect']")
        await eventually(lambda: tab.closed_by)
        assert tab.closed_by == (4403, "This page was disconnected; reload it to come back.")


async def _waits(live: Live) -> bool:
    return await live.ask("len(app._parts.runtime.pause_gate)") == "1"


async def test_it_costs_nothing_while_it_is_not_in_sight(live: Live):
    """There is no thread and no message without a view; with one there are at most four looks a second."""
    await console(live)
    threads = "[each.name for each in threading.enumerate() if each.name == 'dash-devices-console']"
    assert await live.ask(threads) == "[]"
    async with live.tab() as tab:
        await tab.act("target", "value", 5)
        await tab.expect("shown", "children", "20")
        assert "Nobody is there" in await shown(live), "out of sight it does not follow"
        await live.cell(
            "count", "looks = []; real = panel.show; panel.show = lambda: (looks.append(time.monotonic()), real())"
        )
        await views(live, 2)
        await views(live, 1)
        assert await live.ask(threads) == "['dash-devices-console']"
        await eventually(lambda: _more(live, 5))
        assert float(await live.ask("min(b - a for a, b in zip(looks, looks[1:]))")) > 0.2
        await views(live, 0)
        await eventually(lambda: _none(live, threads))
        await views(live, 1)
        assert await live.ask(threads) == "['dash-devices-console']"
        await live.ask("panel.close()")
        await eventually(lambda: _none(live, threads))


async def _more(live: Live, count: int) -> bool:
    return int(await live.ask("len(looks)")) >= count


async def _none(live: Live, expression: str) -> bool:
    return await live.ask(expression) == "[]"


async def test_a_look_is_cheap(live: Live):
    """Four looks a second at twenty callbacks take less than a twentieth of a core."""
    await console(live)
    await live.cell(
        "more",
        """
        for number in range(20):
            @app.callback_shared(None, Input("target", "value"))
            def more(target): print(target)
        """,
    )
    spent = float(
        await live.ask(
            "__import__('timeit').timeit(lambda: (app.output_log.add('x', 'stdout', 'y'), panel.show()), number=50)"
        )
    )
    assert spent / 50 < 0.05 / 4, f"{spent * 20:.2f} ms a look"


async def test_running_the_cell_again_goes_on_with_the_panel(live: Live):
    """The same panel is shown again; a new app in the place of the old one gets it, without a model left behind."""
    await console(live)
    await views(live, 1)
    models = "len(__import__('ipywidgets').widgets.widget._instances)"
    before = await live.ask(models)
    await live.cell("console", "again = app.console(); again")
    assert await live.ask("again is panel") == "True"
    await live.cell("old", "old = app")
    await live.cell("app", live.kernel.cells[0].code)
    await live.cell("callbacks", CALLBACKS)
    await live.cell("run", "app.run(port=0, jupyter_mode='_none', auth=None)")
    await eventually(lambda: _follows(live))
    await live.cell("console", "panel = app.console(); panel")
    assert await live.ask("(panel is again, panel.app is app, app is old)") == "(True, True, False)"
    assert await live.ask(models) == before
    await live.ask("panel.close()")
    assert await live.ask("app.console() is panel") == "False"
    assert await live.ask(models) == before
    await live.ask("app.console().close()")


async def _follows(live: Live) -> bool:
    return await live.ask("panel.app is app") == "True"


async def test_the_panel_says_when_the_app_does_not_run(live: Live):
    """Before app.run(), and after app.stop()."""
    await live.cell("console", "panel = app.console()")
    assert "does not run" in await shown(live)
    await live.run()
    await live.ask("panel.show()")
    assert "Running" in await shown(live)
    async with Tab(live.url) as tab:
        await tab.settled()
        await live.ask("panel.show()")
        assert "1 page" in await shown(live)
    await live.ask("app.stop()")
    await live.ask("panel.show()")
    assert "does not run" in await shown(live)
