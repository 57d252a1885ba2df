"""Parsing of forms for the program's own routes, off the loop.

Quart parses a form on the loop. A form of 100,000 fields blocks the loop for a second.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TypeAlias, TypeVar, cast

import quart
from quart.datastructures import FileStorage
from quart.formparser import FormDataParser
from quart.wrappers.request import Body
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from dash_devices_nb.app.delivery.request_bodies import SpooledBody

T = TypeVar("T")
Parsed: TypeAlias = tuple[MultiDict[str, str], MultiDict[str, FileStorage]]

SMALL = 4 * 1024
"""Forms of up to this many bytes are parsed at once, on the loop."""
FIELDS = 10_000
"""Limit of the fields of a form without files. Quart limits forms with files itself: `MAX_FORM_PARTS`."""


class FormParser(FormDataParser):
    """Parses a form once its body is complete. A large form is parsed where plain views run."""

    async def parse(
        self, body: Body, mimetype: str, content_length: int | None, options: dict[str, str] | None = None
    ) -> Parsed:
        """Return the fields and the files.

        Raises:
            RequestEntityTooLarge: the form has too many fields. Other exceptions are Quart's.
        """
        if mimetype not in self.parse_functions or not isinstance(body, SpooledBody):
            return await super().parse(body, mimetype, content_length, options)
        size = await body.complete()
        stock = super().parse

        def parsed() -> Parsed:
            if mimetype != "multipart/form-data" and body.read().count(b"&") >= FIELDS:
                raise RequestEntityTooLarge
            return _at_once(stock(body, mimetype, content_length, options))

        return parsed() if size <= SMALL else await quart.current_app.sync_to_async(parsed)()


def _at_once(parsing: Coroutine[object, None, T]) -> T:
    """Return the result of a coroutine that does not wait, because the body is complete."""
    try:
        parsing.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    parsing.close()
    raise RuntimeError("a form was parsed before its body was complete")


def parse_off_the_loop(server: quart.Quart) -> None:
    """Make all requests of a server parse forms with `FormParser`. Their bodies must be spooled."""
    server.request_class.form_data_parser_class = FormParser
