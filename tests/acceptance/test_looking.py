"""`client.visible`: whether somebody looks at a page."""

from dash_devices_nb import Dash, html
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving

HIDE = """(hidden) => {
    Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
    document.dispatchEvent(new Event('visibilitychange'));
}"""


async def test_a_program_sees_who_looks(serve: Serving, browser: Tabs):
    """A page in the background says so, also after a new connection; it says when it is looked at again."""
    app = Dash(__name__)
    app.layout = html.Div(id="a")
    page = await browser.open(await serve(app))
    await eventually(lambda: len(app.clients) == 1)
    assert app.clients[0].visible
    await page.evaluate(HIDE, True)
    await eventually(lambda: not app.clients[0].visible)
    await page.evaluate(HIDE, False)
    await eventually(lambda: app.clients[0].visible)
