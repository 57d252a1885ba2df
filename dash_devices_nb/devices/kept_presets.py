"""Named presets of an app: saved, compared, loaded and deleted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping

from dash_devices_nb.devices.kept_props import acting
from dash_devices_nb.devices.kept_store import Entry, KeptStore, PresetInfo
from dash_devices_nb.devices.kept_values import Applied, Difference, Journal, refusals, who
from dash_devices_nb.devices.types import Props
from dash_devices_nb.errors import KeptError

MOST_NAME = 100
"""The longest name, in characters."""


class Presets:
    """Named presets: `app.kept.presets`. From any thread.

    Args:
        store: the file.
        now: what is kept, as it is now: JSON by name.
        compared: what of such values differs from now.
        put: sets such values.
        noted: writes into the journal who has done what.
    """

    def __init__(
        self,
        store: KeptStore,
        now: Callable[[], Mapping[str, str]],
        compared: Callable[[Mapping[str, Entry]], list[Difference]],
        put: Callable[[Mapping[str, str]], Applied],
        noted: Journal,
    ) -> None:
        self._store, self._now, self._compared, self._put, self._noted = store, now, compared, put, noted
        self._known = store.presets()

    def save(self, name: str) -> int:
        """Save the current values of all that is kept. Replaces an earlier preset of this name. Returns their number.

        Raises:
            KeptError: the name is empty or too long, there are too many presets, or the file cannot be written.
        """
        given: object = name
        if not isinstance(given, str) or not 1 <= len(name.strip()) <= MOST_NAME:
            raise KeptError(f"a preset has a name of at most {MOST_NAME} characters, not {name!r:.120}")
        name = name.strip()
        values = self._now()
        self._store.save_preset(name, values, time.time(), who(acting()))
        self._changed(f"the preset {name!r} was saved, with {len(values)} values")
        return len(values)

    def compare(self, name: str) -> list[Difference]:
        """Return the differences of a preset from the current values. Raises KeptError if there is no such preset."""
        at = next((each.at for each in self._known if each.name == name), 0.0)
        return self._compared({each: Entry(value, at) for each, value in self._values(name).items()})

    def load(self, name: str) -> Applied:
        """Set all values of a preset: props as one change, then one signal after the other.

        Returns:
            What was set, and why the rest was not.

        Raises:
            KeptError: there is no such preset.
        """
        done = self._put(self._values(name))
        self._noted(acting(), f"the preset {name!r} was loaded: {len(done.applied)} values{refusals(done)}")
        return done

    def delete(self, name: str) -> None:
        """Delete a preset. Raises KeptError if there is no such preset."""
        given: object = name
        if not isinstance(given, str) or not self._store.delete_preset(given):
            raise self._unknown(name)
        self._changed(f"the preset {name!r} was deleted")

    def __getitem__(self, name: str) -> Props:
        """Return the values of a preset, by name. Raises KeptError."""
        return {each: json.loads(value) for each, value in self._values(name).items()}

    def __iter__(self) -> Iterator[str]:
        return iter([each.name for each in self._known])

    def __contains__(self, name: object) -> bool:
        return any(each.name == name for each in self._known)

    def __len__(self) -> int:
        return len(self._known)

    def __repr__(self) -> str:
        return f"<Presets {', '.join(map(repr, self)) or 'none'}>"

    def known(self) -> list[PresetInfo]:
        """The presets, without their values."""
        return self._known

    def _values(self, name: object) -> dict[str, str]:
        values = self._store.preset(name) if isinstance(name, str) else None
        if values is None:
            raise self._unknown(name)
        return values

    def _unknown(self, name: object) -> KeptError:
        return KeptError(f"there is no preset {name!r:.100}; there is {', '.join(map(repr, self)) or 'none'}")

    def _changed(self, text: str) -> None:
        self._known = self._store.presets()
        self._noted(acting(), text)
