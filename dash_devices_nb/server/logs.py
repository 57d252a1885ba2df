"""Share links in the log of the Jupyter server: a link that was refused here may still count elsewhere.

Jupyter and Tornado write the addresses that are asked for, in several places, and the one leaves out parameters by the
spelling of their names. A name has many (`%73hare=` is `share=`), and an address may be within another one's parameter,
as a login page has it in `next=`. So what is left out is found by what it is.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from urllib.parse import unquote_plus

from tornado.log import access_log, app_log, gen_log
from tornado.web import RequestHandler

from dash_devices_nb.registration import holds_token
from dash_devices_nb.server.handlers.guests import PARAMETER

SECRET = "[secret]"
DEEPEST = 3
"""So many times an address may be encoded within others."""
_WORD = re.compile(r"\S*[?.%]\S*")


def keep_links_out(*logs: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> None:
    """Leave share links out of what these loggers and Tornado's own write."""
    for log in (*logs, access_log, app_log, gen_log):
        logger = log.logger if isinstance(log, logging.LoggerAdapter) else log
        if not any(isinstance(each, _WithoutLinks) for each in logger.filters):
            logger.addFilter(_WithoutLinks())


def log_function(log: Callable[[RequestHandler], None]) -> Callable[[RequestHandler], None]:
    """Tornado's `log_function`, which writes to each extension's own log, and is told addresses without links."""

    def without(handler: RequestHandler) -> None:
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
    """Lets all pass, without links."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Take the links out of a record."""
        text = record.getMessage()
        told = _WORD.sub(lambda word: without_links(word[0]), text)
        if told != text:
            record.msg, record.args = told, ()
        return True


def without_links(url: str) -> str:
    """An address as it may be logged."""
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
