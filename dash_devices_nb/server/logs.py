"""Keep share links out of the Jupyter server's log. A link that is refused here may still be valid elsewhere.

Jupyter and Tornado log requested addresses in several places. Jupyter scrubs parameters by the spelling of their names,
but a name has many spellings (`%73hare=` is `share=`), and an address may be a parameter of another one, such as
`next=` of a login page. So links are recognised by their content.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from urllib.parse import unquote_plus

from tornado.log import access_log, app_log, gen_log
from tornado.web import RequestHandler

from dash_devices_nb.registration import holds_token
from dash_devices_nb.registration.share_cookies import PARAMETER

SECRET = "[secret]"
UNLOGGED = "unlogged"
"""The attribute of a handler whose request gets no line in the log."""
DEEPEST = 3
"""Levels of encoding at which a nested address is still recognised."""
_WORD = re.compile(r"\S*[?.%]\S*")


def keep_links_out(*logs: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> None:
    """Remove share links from the output of these loggers and of Tornado's own."""
    for log in (*logs, access_log, app_log, gen_log):
        logger = log.logger if isinstance(log, logging.LoggerAdapter) else log
        if not any(isinstance(each, _WithoutLinks) for each in logger.filters):
            logger.addFilter(_WithoutLinks())


def log_function(log: Callable[[RequestHandler], None]) -> Callable[[RequestHandler], None]:
    """Wrap Tornado's `log_function`, which writes to each extension's log.

    It gets addresses without links, and no request of a flood.
    """

    def without(handler: RequestHandler) -> None:
        if getattr(handler, UNLOGGED, False):
            return
        request = handler.request
        uri, referer = request.uri, request.headers.get("Referer")
        try:
            if uri is not None:
                request.uri = without_links(uri)
            if referer is not None:
                request.headers["Referer"] = without_links(referer)
            log(handler)
        finally:
            request.uri = uri
            if referer is not None:
                request.headers["Referer"] = referer

    return without


class _WithoutLinks(logging.Filter):
    """A log filter that passes every record, without links."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Remove the links from a record."""
        text = record.getMessage()
        told = _WORD.sub(lambda word: without_links(word[0]), text)
        if told != text:
            record.msg, record.args = told, ()
        return True


def without_links(url: str) -> str:
    """An address without links."""
    path, mark, query = url.partition("?")
    parts = "&".join(map(_told, query.split("&"))) if mark else ""
    return (SECRET if _betrays(path) else path) + mark + parts


def _told(part: str) -> str:
    name, equals, _ = part.partition("=")
    if unquote_plus(name) == PARAMETER:
        return f"{name}{equals}{SECRET}"
    return SECRET if _betrays(part) else part


def _betrays(text: str) -> bool:
    for _ in range(DEEPEST + 1):
        if holds_token(text):
            return True
        before, text = text, unquote_plus(text)
        if text == before:
            return False
    return "%" in text and PARAMETER in text
