"""Show an app's page: in the cell's output, in a tab, or as a link.

The modes are stock Dash's:

- `inline`: an IFrame under the cell.
- `tab`: a new browser tab. A notebook's browser may block the popup, so the link is shown, too.
- `external`: the link alone.
- `jupyterlab`: a tab in JupyterLab's main area. Stock Dash's JupyterLab extension opens it on a
  message through a comm. Without that extension, a script in the output asks JupyterLab itself. That
  works only if JupyterLab was started with `--expose-app-in-browser`; otherwise a browser tab opens.
- `_none`: nothing is shown.

Through Jupyter the page's URL is an absolute path, "/user/x/dash-devices/app/": it has the
notebook's origin, whatever name the browser uses for the server. Each display carries an id, so that
`update` can point the frames that are already there to a new address.
"""

from __future__ import annotations

import html
import importlib
import json
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dash_devices_nb.errors import DisplayError
from dash_devices_nb.kernel.environment import Environment, Host, detect

MODES = ("inline", "tab", "external", "jupyterlab", "_none")

ADDRESS_TYPE = "application/vnd.dash-devices-nb.address"
"""The MIME type by which a kernel of `dash-devices-nb serve` says where its page is."""

LAB_EXTENSION = "@plotly/dash-jupyterlab"
"""The JupyterLab extension that comes with stock Dash and must be installed by hand."""


@dataclass(frozen=True)
class DisplayedPage:
    """A page to show.

    Attributes:
        url: the address for the notebook's browser: a URL, or an absolute path at its own origin.
        title: the app's name.
        address: the same address for people and other programs, `url` if that is complete.
        port: the TCP port of a direct URL, None through Jupyter.
    """

    url: str
    title: str = "Dash app"
    address: str = ""
    port: int | None = None

    @property
    def text(self) -> str:
        """One line of text with the address."""
        return f"Dash app running on {self.address or self.url}"


def check_mode(mode: str | None, default: str = "inline") -> str:
    """Return the mode in lower case, `default` for None.

    Raises:
        DisplayError: it is not one of `MODES`.
    """
    accepted = ", ".join(repr(each) for each in MODES)
    if mode is None:
        mode = default
    if not isinstance(mode, str):
        raise DisplayError(f"jupyter_mode is {mode!r} of type {type(mode).__name__}; accepted are {accepted}.")
    if mode.lower() not in MODES:
        raise DisplayError(f"jupyter_mode is {mode!r}; accepted are {accepted}.")
    return mode.lower()


def check_size(name: str, size: object) -> str:
    """Return a width or height as CSS: a number counts pixels, a text is CSS already.

    Raises:
        DisplayError: it is neither.
    """
    if isinstance(size, (int, float)) and not isinstance(size, bool) and size > 0:
        return f"{size:g}px"
    if isinstance(size, str):
        text = size.strip()
        if text.isdecimal():
            return f"{text}px"
        if text and not set(text) & set("\"'<>;{}"):
            return text
    raise DisplayError(f"{name} is {size!r}; accepted are a number of pixels, as 650, or CSS, as '100%' or '40vh'.")


def show(
    page: DisplayedPage,
    *,
    mode: str | None = None,
    width: int | str = "100%",
    height: int | str = 650,
    display_id: str | None = None,
    environment: Environment | None = None,
) -> None:
    """Show the page under the running cell, or open it. From the cell's thread.

    Args:
        page: the page.
        mode: one of `MODES`; None for "inline" in a kernel and "external" elsewhere.
        width: the frame's width in pixels or as CSS.
        height: the frame's height in pixels or as CSS.
        display_id: the id by which `update` finds what is shown.
        environment: where the program runs, found out by default.

    Raises:
        DisplayError: the mode or a size is not acceptable.
    """
    environment = environment or detect()
    mode = check_mode(mode, "inline" if environment.in_kernel else "external")
    size = check_size("jupyter_width", width), check_size("jupyter_height", height)
    if environment.served_at is not None:  # nobody looks at the cell
        _display({"text/plain": page.text, ADDRESS_TYPE: page.url})
        return
    if mode == "_none":
        return
    if not environment.in_kernel:
        print(page.text)
        if mode != "external":
            _open_browser(page)
    elif environment.host is Host.COLAB and page.port is not None:
        _show_in_colab(page, mode, *size)
    elif mode == "jupyterlab":
        _show_in_lab(page)
    else:
        _display(_shown(page, mode, *size), display_id)


def update(
    page: DisplayedPage,
    *,
    display_id: str,
    width: int | str = "100%",
    height: int | str = 650,
) -> None:
    """Point the inline frames that were shown with `display_id` to another page. From any thread."""
    size = check_size("jupyter_width", width), check_size("jupyter_height", height)
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        _display(_shown(page, "inline", *size), display_id, update=True)


class LiveOutput:
    """HTML in the output of the cell that runs, which can be replaced later, from any thread.

    Args:
        text, html: what is shown at first, for front ends without and with HTML.
    """

    def __init__(self, text: str, html: str) -> None:
        self._id = f"dash-devices-{uuid.uuid4().hex}"
        _display({"text/plain": text, "text/html": html}, self._id)

    def update(self, text: str, html: str) -> None:
        """Show this instead."""
        _display({"text/plain": text, "text/html": html}, self._id, update=True)


def _shown(page: DisplayedPage, mode: str, width: str, height: str) -> dict[str, str]:
    """Return the MIME bundle: text for terminals and exports, HTML, and a script for a new tab."""
    url, title = html.escape(page.url), html.escape(page.title)
    if mode == "inline":
        frame = (
            f'<iframe src="{url}" title="{title}" style="width: {width}; height: {height}; '
            f'border: 0" allow="clipboard-read; clipboard-write; fullscreen"></iframe>'
        )
        return {"text/plain": page.text, "text/html": frame}
    link = f'Dash app running on <a href="{url}" target="_blank">{html.escape(page.address or page.url)}</a>'
    if mode == "tab":
        link += f"<script>window.open({_js(page.url)}, '_blank')</script>"
    return {"text/plain": page.text, "text/html": link}


def _show_in_lab(page: DisplayedPage) -> None:
    """Open a tab of JupyterLab, or say why it is a browser tab."""
    if _lab_extension_installed():
        from comm import create_comm

        comm = create_comm(target_name="dash")
        comm.send({"type": "show", "port": page.port or page.title, "url": page.url})
        _display({"text/plain": page.text, "text/html": _shown(page, "external", "", "")["text/html"]})
        return
    fallback = (
        f"This is a browser tab, or only this link, if JupyterLab does not let a cell open tabs of "
        f"its own: that takes the extension {LAB_EXTENSION}, or starting JupyterLab with "
        f"--expose-app-in-browser."
    )
    arguments = json.dumps({"url": page.url, "text": page.title, "newBrowserTab": False})
    script = (
        "<script>{const lab = window.jupyterapp || window.jupyterlab;"
        f"if (lab) lab.commands.execute('help:open', {arguments.replace('<', chr(92) + 'u003c')});"
        f"else window.open({_js(page.url)}, '_blank');}}</script>"
    )
    link = _shown(page, "external", "", "")["text/html"]
    _display(
        {
            "text/plain": f"{page.text}\n{fallback}",
            "text/html": f"{link}<br>{html.escape(fallback)}{script}",
        }
    )


def _lab_extension_installed() -> bool:
    from jupyter_core.paths import jupyter_path

    places = jupyter_path("labextensions")
    return any((Path(place) / LAB_EXTENSION / "package.json").exists() for place in places)


def _show_in_colab(page: DisplayedPage, mode: str, width: str, height: str) -> None:
    """Show the page in Colab, which reaches a kernel's port only by its own means."""
    output = importlib.import_module("google.colab.output")
    if mode == "inline":
        output.serve_kernel_port_as_iframe(page.port, width=width, height=height)
    else:
        output.serve_kernel_port_as_window(page.port, anchor_text=page.text)


def _open_browser(page: DisplayedPage) -> None:
    import webbrowser

    if not webbrowser.open(page.url):
        print(f"No browser could be opened; open {page.address or page.url} yourself.")


def _display(bundle: dict[str, Any], display_id: str | None = None, update: bool = False) -> None:
    from IPython.display import display

    display(bundle, raw=True, display_id=display_id, update=update)  # type: ignore[no-untyped-call]


def _js(text: str) -> str:
    """A JavaScript string literal that may stand inside a script element."""
    return json.dumps(text).replace("<", "\\u003c")
