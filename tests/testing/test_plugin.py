"""The fixtures that users of pytest get, as a plugin that is found where the package is installed."""

import pytest

pytest_plugins = ["pytester"]

PROGRAM = """
    import pytest
    from dash_devices_nb import Dash, Input, Output, dcc, html

    @pytest.fixture
    def app():
        app = Dash(__name__)
        app.layout = html.Div([dcc.Input(id="target"), html.Div(id="shown")])

        @app.callback_shared(Output("shown", "children"), Input("target", "value"))
        def show(target):
            return f"target {target}"

        return app
"""
RUN = ("-q", "-p", "no:dash", "-p", "no:cacheprovider")


def test_a_test_that_does_not_await_opens_tabs_on_an_app(pytester: pytest.Pytester) -> None:
    """The app is served and everything ends with the test."""
    pytester.makepyfile(
        PROGRAM
        + """
    def test_it(app, sync_tab):
        anne, ben = sync_tab(app), sync_tab(app)
        anne.act("target", "value", 5)
        ben.expect("shown", "children", "target 5")
        assert len(app.clients) == 2
    """
    )
    pytester.runpytest_subprocess(*RUN).assert_outcomes(passed=1)


def test_a_test_that_awaits_opens_tabs_on_an_app(pytester: pytest.Pytester) -> None:
    """With pytest-asyncio; a URL is taken as well."""
    pytester.makepyfile(
        PROGRAM
        + """
    @pytest.mark.asyncio
    async def test_it(app, app_server, tab):
        anne, ben = await tab(app), await tab(app_server.run(app))
        await anne.act("target", "value", 5)
        await ben.expect("shown", "children", "target 5")
    """
    )
    pytester.runpytest_subprocess(*RUN).assert_outcomes(passed=1)


def test_the_plugin_does_not_load_dash(pytester: pytest.Pytester) -> None:
    """It is loaded in every run of pytest, also in those of other projects."""
    pytester.makepyfile("""
    import sys

    def test_it():
        assert "dash_devices_nb.testing.plugin" in sys.modules
        assert not {"dash", "quart", "dash_devices_nb.testing.tab"} & set(sys.modules)
    """)
    pytester.runpytest_subprocess(*RUN).assert_outcomes(passed=1)
