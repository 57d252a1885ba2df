"""Kept set-points and presets: `Dash(keep=...)`, `app.kept`, and the component that shows, applies and loads them.

What was kept when the app starts is *undecided*: it is on disk and is shown, and nothing is set to it. It is decided by
applying it, by a person who sets that value on a page, or by keeping what is now. Until then, nothing that the
program sets takes its place, so a start does not overwrite what people had set.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dash_devices_nb.components import DeviceKept, DeviceView
from dash_devices_nb.core.props.ids import Key, canonical
from dash_devices_nb.devices.device import Device, Signal
from dash_devices_nb.devices.kept_presets import Presets
from dash_devices_nb.devices.kept_props import SharedProps, acting
from dash_devices_nb.devices.kept_store import Entry, KeptStore
from dash_devices_nb.devices.kept_values import (
    MOST_BYTES,
    UNKNOWN,
    Applied,
    Difference,
    Journal,
    key_of,
    names_of,
    now_of,
    read_as,
    refusals,
    row_of,
    short,
    who,
    written,
)
from dash_devices_nb.devices.signals import plain
from dash_devices_nb.devices.types import Argument, Component, PropMods, Props, PropValue, SignalValue
from dash_devices_nb.errors import DeviceError, KeptError

if TYPE_CHECKING:
    from dash_devices_nb.core.access.clients import Client

KEPT = "dash-devices-kept"
"""The id of the component on the pages."""
COLLECT_SECONDS = 0.2
"""Changes within this time are written and shown together. So `kill -9` loses less than a second."""
RETRY_SECONDS = 5.0
STOP_SECONDS = 10.0
"""How long the end of the app waits for a set that is under way."""
MOST_NAMES = 5_000
"""The values that are kept: pages can make any number of components that a pattern matches."""
FURTHER = "what is set further"
RESTORES = ("show", "apply")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Noted:
    by: str
    at: float


class Kept:
    """The values of an app that survive a restart of the kernel, `app.kept`. From any thread.

    Args:
        store: the file.
        props: the app's shared props.
        devices: the app's devices; the set-points of their signals in `keep=` are kept.
        also: props that are kept although they are outputs, or nobody has set them.
        restore: "show", "apply", or one of them by name.
        push: sets props on all pages.
        noted: writes into the journal who has done what.
        failed: reports what should not have been raised.
        told: tells the owner what is wrong with the disk.

    Attributes:
        presets: the named presets.
        left_out: why values are not kept, by name.
        fault: why the disk takes nothing now, or "".

    Raises:
        KeptError: the file cannot be used, or an argument is something else.
    """

    def __init__(
        self,
        store: KeptStore,
        props: SharedProps,
        devices: Iterable[Device],
        *,
        also: Iterable[object],
        restore: str | Mapping[str, str],
        push: Callable[[PropMods], object],
        noted: Journal,
        failed: Callable[[BaseException], None],
        told: Callable[[str], None] = log.warning,
    ) -> None:
        self._failed = failed
        self._store, self._props, self._push, self._noted, self._told = store, props, push, noted, told
        self._signals = {f"{each.id}.setpoint": each for device in devices for each in device.kept}
        self._also = dict.fromkeys(names_of(also))
        self._restore = self._restores(restore)
        self._changed = threading.Condition()
        self._undecided = store.load()
        self._entries = dict(self._undecided)
        self._unwritten: dict[str, Entry | None] = {}
        """What is to be written; None: what is kept of it is to be deleted."""
        self._heard: dict[str, _Noted] = {}
        self.left_out: dict[str, str] = {}
        self.fault = ""
        self._dirty = self._closed = False
        self._thread: threading.Thread | None = None
        self._restoring: threading.Thread | None = None
        self._messages = 0
        self._shown: list[Props] = []
        self._begun = False
        self.presets = Presets(store, self._all_now, self.compared, self.put, self._noted_preset)
        known = [key_of(name) for name in self._entries if name not in self._signals]
        props.follow(self._prop_set, [key_of(name) for name in self._also], known)
        self._leave = [device.listen(self._read, self._signal_set) for device in devices if device.kept]
        earlier = _open_files.get(str(store.path))
        _open_files[str(store.path)] = self
        if earlier is not None:
            earlier.close()

    def _restores(self, given: object) -> Callable[[str], bool]:
        """Whether a value is applied when the app starts, by its name."""
        if isinstance(given, str) and given in RESTORES:
            return lambda name: given == "apply"
        if not isinstance(given, Mapping) or not all(each in RESTORES for each in given.values()):
            raise KeptError(f"restore= is 'show' or 'apply', or one of them for each name; not {given!r:.100}")
        by_name = {self._name(name): each for name, each in given.items()}
        return lambda name: by_name.get(name) == "apply"

    # ---- what programs ask

    @property
    def path(self) -> str:
        """The file."""
        return str(self._store.path)

    def differences(self) -> list[Difference]:
        """The undecided values from before this start that differ from now."""
        with self._changed:
            undecided = dict(self._undecided)
        return self.compared(undecided)

    def __iter__(self) -> Iterator[str]:
        """The names of the kept values."""
        self._gather()
        with self._changed:
            return iter(sorted(self._entries))

    def __getitem__(self, name: str) -> SignalValue:
        """Return the kept value. Raises KeptError."""
        full = self._name(name)
        self._gather()
        with self._changed:
            entry = self._entries.get(full)
        if entry is None:
            raise KeptError(f"nothing is kept of {name!r:.100}; there is {', '.join(self) or 'nothing'}")
        return json.loads(entry.value)

    def apply(self, *names: str | Signal | Key) -> Applied:
        """Set undecided values: all, or these. All props are one change. Signals are set one after the other.

        Args:
            names: "slider.value", `("slider", "value")`, a signal, or its id.

        Returns:
            What was set, and why the rest was not. What was not set stays undecided.

        Raises:
            KeptError: nothing was kept of a name before this start, or it was decided since.
        """
        return self._apply(self._chosen(names))

    def discard(self, *names: str | Signal | Key) -> list[str]:
        """Keep the current values instead of undecided ones: of all, or of these. Returns the names.

        What has no value now is kept no longer.

        Raises:
            KeptError: as `apply`; or the file could not be written, which is tried again.
        """
        chosen = list(self._chosen(names))
        by = who(acting())
        with self._changed:
            for name in chosen:
                self._undecided.pop(name, None)
        for name in chosen:
            self._note(name, by)
        if chosen:
            self.flush()
            self._noted(acting(), f"what is now was kept in the place of {', '.join(chosen)}")
        return chosen

    def flush(self) -> None:
        """Write all changes up to now. Raises KeptError if that fails."""
        self._gather()
        with self._changed:
            entries, self._unwritten = self._unwritten, {}
        if not entries:
            return
        try:
            self._store.write(entries)
        except KeptError:
            with self._changed:
                self._unwritten = {**entries, **self._unwritten}
            raise

    def close(self) -> None:
        """Write the waiting changes, close the file, and keep nothing from now on."""
        for leave in self._leave:
            leave()
        self._leave = []
        self.stop()
        if _open_files.get(str(self._store.path)) is self:
            del _open_files[str(self._store.path)]

    def __repr__(self) -> str:
        differ = self.differences()
        lines = [f"<Kept {self.path}: {len(list(self))} values, {len(self.presets)} presets>"]
        lines += [f"  {each}" for each in differ]
        lines += [f"  {name} is not kept: {why}" for name, why in sorted(self.left_out.items())]
        return "\n".join(lines)

    # ---- what the app asks

    @property
    def component(self) -> Component:
        """The component that is added to the layout of each page."""
        return DeviceKept(id=KEPT, **self._props_shown())

    def prepare(self, ids: Collection[str]) -> None:
        """Set the props that the first calls are to use. The app is about to start, with components of these ids."""
        with self._changed:
            chosen = {
                name: entry.value
                for name, entry in self._undecided.items()
                if name not in self._signals and self._restore(name) and key_of(name)[0] in ids
            }
            for name in chosen:
                del self._undecided[name]
        self._props.set({key_of(name): value for name, value in chosen.items()})
        if chosen:
            self._noted(None, f"kept values were applied at the start: {', '.join(chosen)}")

    def start(self) -> None:
        """The app runs: start to write. Does nothing if it was started."""
        with self._changed:
            if self._thread is not None:
                return
            self._closed, self._dirty, self._begun = False, True, True
            self._thread = threading.Thread(target=self._run, name="kept-values", daemon=True)
            self._thread.start()
            self._restoring = threading.Thread(target=self._apply_signals, name="kept-restore", daemon=True)
            self._restoring.start()  # a device that hangs does not keep the others' values from the disk
        self._want()

    def stop(self) -> None:
        """The app stops: write the waiting changes, and close the file."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            threads = [self._thread, self._restoring]
            self._thread = self._restoring = None
        for thread in threads:
            if thread is not None and thread is not threading.current_thread():
                thread.join(STOP_SECONDS)
        for device in {each.device for each in self._signals.values()}:
            device.want(self, frozenset())
        try:
            self.flush()
        except KeptError as error:
            self._told(str(error))
        self._store.close()

    def act(self, asked: object) -> None:
        """Handle a request of a page, and show the result on the pages."""
        if not isinstance(asked, dict):
            return
        name, names = str(asked.get("name") or ""), asked.get("names")
        chosen = [each for each in names if isinstance(each, str)] if isinstance(names, list) else []
        try:
            match asked.get("kind"):
                case "apply":
                    self._say(str(self.apply(*chosen)))
                case "discard":
                    self._say(f"{len(self.discard(*chosen))} kept as they are now")
                case "save":
                    self._say(f"{self.presets.save(name)} values saved as {name.strip()!r}")
                case "load":
                    self._say(str(self.presets.load(name)))
                case "delete":
                    self.presets.delete(name)
                    self._say(f"{name!r:.100} was deleted")
        except KeptError as error:
            self._say(str(error))

    def compare(self, asked: object) -> Props:
        """Compare a preset with the current values, for one page."""
        name = str(asked.get("name") or "") if isinstance(asked, dict) else ""
        try:
            return {"name": name, "rows": [row_of(each) for each in self.presets.compare(name)]}
        except KeptError as error:
            return {"name": name, "rows": [], "error": str(error)}

    # ---- setting

    def _chosen(self, names: Iterable[object]) -> dict[str, str]:
        with self._changed:
            undecided = {name: entry.value for name, entry in self._undecided.items()}
        wanted = [self._name(each) for each in names]
        for name in wanted:
            if name not in undecided:
                there = ", ".join(undecided) or "nothing"
                raise KeptError(
                    f"{name!r:.100} is not undecided: it was not kept, or was decided since; there is {there}"
                )
        return {name: undecided[name] for name in wanted} if wanted else undecided

    def _apply(self, values: Mapping[str, str]) -> Applied:
        done = self.put(values)
        if values:
            self._noted(acting(), f"kept values were applied: {', '.join(done.applied) or 'none'}{refusals(done)}")
        return done

    def put(self, values: Mapping[str, str]) -> Applied:
        """Set values, given as JSON by their names: props as one change, then one signal after the other."""
        done = Applied()
        mods: dict[Key, str] = {}
        for name, value in values.items():
            if name in self._signals:
                continue
            why = self._props.refusal(key_of(name))
            if why:
                done.refused[name] = why
            else:
                mods[key_of(name)] = value
                done.applied.append(name)
        self._decide(done.applied)
        self._props.set(mods)
        for name, value in values.items():
            signal = self._signal(name)
            if signal is None:
                continue
            before = self._decide([name])
            try:
                signal.set(json.loads(value))
                # What was set is told by the signal itself, so it is kept as what the device made of it.
            except DeviceError as error:
                done.refused[name] = str(error)
                with self._changed:
                    self._undecided.update(before)
            else:
                done.applied.append(name)
        self._notify()
        return done

    def _decide(self, names: Iterable[str]) -> dict[str, Entry]:
        """Mark values as decided. Returns those that were undecided."""
        with self._changed:
            return {name: self._undecided.pop(name) for name in names if name in self._undecided}

    # ---- hearing

    def _prop_set(self, key: Key, client: Client | None) -> None:
        self._set(f"{key[0]}.{key[1]}", client)

    def _signal_set(self, signal: Signal) -> None:
        name = f"{signal.id}.setpoint"
        if name in self._signals:
            self._set(name, acting())

    def _set(self, name: str, client: Client | None) -> None:
        with self._changed:
            if name in self._undecided and client is None:
                self._dirty = True  # it may differ now
            else:
                self._undecided.pop(name, None)
                self._heard[name] = _Noted(who(client), time.time())
            self._changed.notify_all()

    def _note(self, name: str, by: str) -> None:
        with self._changed:
            self._heard[name] = _Noted(by, time.time())
            self._changed.notify_all()

    def _read(self, signal: Signal, reading: object) -> None:
        name = f"{signal.id}.setpoint"
        if name in self._undecided:  # a look without the lock: readings come often
            self._notify()

    def _notify(self) -> None:
        with self._changed:
            self._dirty = True
            self._changed.notify_all()

    def _gather(self) -> None:
        """Keep the current values of what was set."""
        with self._changed:
            heard, self._heard = self._heard, {}
        for name, noted in heard.items():
            value, why = self._value_now(name)
            with self._changed:
                self.left_out.pop(name, None)
                if value is not None and name not in self._entries and len(self._entries) >= MOST_NAMES:
                    self.left_out[FURTHER] = f"{MOST_NAMES} values are kept, which is the limit"
                elif value is not None:
                    self._entries[name] = self._unwritten[name] = Entry(value, noted.at, noted.by)
                    continue
                if why:
                    self.left_out[name] = why
                if self._entries.pop(name, None) is not None:  # it would be shown as what was set last
                    self._unwritten[name] = None

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._closed or self._heard or self._dirty or (self._unwritten and not self.fault)
                )
                if self._closed:
                    return
                self._changed.wait_for(lambda: self._closed, RETRY_SECONDS if self.fault else COLLECT_SECONDS)
                self._dirty = False
            try:
                self._write()
                self._tell()
            except Exception as error:  # noqa: BLE001 - it is reported, and what is set next is kept all the same
                self._failed(error)

    def _apply_signals(self) -> None:
        with self._changed:
            chosen = {n: e.value for n, e in self._undecided.items() if n in self._signals and self._restore(n)}
        if chosen:
            done = self.put(chosen)
            applied = ", ".join(done.applied) or "none"
            self._noted(None, f"kept values were applied at the start: {applied}{refusals(done)}")
            if done.refused:
                self._say(str(done))

    def _write(self) -> None:
        try:
            self.flush()
        except KeptError as error:
            if not self.fault:
                self._told(f"Kept values are not being written: {error}. They are kept in memory meanwhile.")
            self.fault = str(error)
            self._notify()
        else:
            if self.fault:
                self._told("Kept values are being written again.")
            self.fault = ""

    def _want(self) -> None:
        """Read the signals with undecided values, so that pages show the differences."""
        with self._changed:
            names = [name for name in self._undecided if name in self._signals]
            begun = self._thread is not None and not self._closed
        ids = [each for each in map(self._signal, names) if each is not None]
        for device in {each.device for each in self._signals.values()}:
            wanted = frozenset(each for each in ids if each.device is device and each.info.readable)
            device.want(self, wanted if begun else frozenset())

    # ---- comparing

    def _all_now(self) -> dict[str, str]:
        """Return the current values of all that is kept, or is to be."""
        self._gather()
        with self._changed:
            names = sorted({*self._entries, *self._signals, *self._also})
        return {name: value for name in names if (value := self._value_now(name)[0]) is not None}

    def _value_now(self, name: str) -> tuple[str | None, str]:
        """Return the current value as JSON, or None and the reason why it is not kept ("" if there is no value)."""
        signal = self._signal(name)
        if signal is not None:
            value = now_of(signal)
            if value is None:
                return None, ""
            return written(signal, value)
        text = self._props.now(key_of(name))
        if text is not None and len(text) > MOST_BYTES:
            return None, f"its {len(text)} bytes are more than {MOST_BYTES}"
        return text, ""

    def compared(self, entries: Mapping[str, Entry]) -> list[Difference]:
        """Return the differences from the current values."""
        found = []
        for name, entry in entries.items():
            signal, value = self._signal(name), json.loads(entry.value)
            now: SignalValue
            if signal is not None:
                now = plain(now_of(signal))
                if now is not None and signal.info.same(now, value):
                    continue
                label = f"{signal.device.label} / {signal.info.label or signal.info.name}"
                texts, refused = (read_as(signal.info, value), read_as(signal.info, now)), ""
            else:
                text, label, refused = self._props.now(key_of(name)), name, self._props.refusal(key_of(name))
                now = None if text is None else json.loads(text)
                if text is not None and now == value:
                    continue
                texts = short(value), UNKNOWN if text is None else short(now)
            found.append(Difference(name, label, value, now, *texts, entry.at, entry.by, refused))
        return found

    # ---- telling

    def _props_shown(self) -> Props:
        differences = [row_of(each) for each in self.differences()] if self._begun else []
        presets = [{"name": p.name, "at": p.at, "by": p.by, "count": p.count} for p in self.presets.known()]
        notes = [f"not being written: {self.fault}"] if self.fault else []
        notes += [f"{name} is not kept: {why}" for name, why in sorted(self.left_out.items())]
        with self._changed:
            count = len(self._entries)
        return {"differences": differences, "presets": presets, "notes": notes, "count": count}

    def _tell(self) -> None:
        self._want()
        shown = self._props_shown()
        if [shown] != self._shown:
            self._shown = [shown]
            self._push({KEPT: shown})

    def _say(self, text: str) -> None:
        self._messages += 1
        self._push({KEPT: {"message": {"text": text, "number": self._messages}}})

    def _noted_preset(self, client: Client | None, text: str) -> None:
        self._noted(client, text)
        self._notify()

    def _signal(self, name: str) -> Signal | None:
        """Return the signal of a name. After a `refresh` of its device, it may be another object."""
        signal = self._signals.get(name)
        if signal is not None and not signal.device.has(signal):
            there = [each for each in signal.device if each.info.path == signal.info.path]
            if there:
                signal = self._signals[name] = there[0]
        return signal

    def _name(self, given: object) -> str:
        """Return the full name of a value that the program names."""
        if isinstance(given, Signal):
            return f"{given.id}.setpoint"
        if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], str):
            return f"{canonical(given[0])}.{given[1]}"
        if isinstance(given, str) and f"{given}.setpoint" in self._signals:
            return f"{given}.setpoint"
        if isinstance(given, str) and "." in given:
            return given
        raise KeptError(f"a kept value is named like 'slider.value', or by a signal in keep=; not {given!r:.100}")


_open_files: weakref.WeakValueDictionary[str, Kept] = weakref.WeakValueDictionary()
"""The files in use in this process. If a cell is run again, its new app takes over the file."""


def open_kept(
    path: str | os.PathLike[str],
    props: SharedProps,
    devices: Iterable[Device],
    **options: Argument,
) -> Kept:
    """Keep values in a file. If an earlier app of this process uses the file, that app writes it and closes it."""
    try:
        earlier = _open_files.get(str(os.path.abspath(path)))
    except TypeError:
        raise KeptError(f"keep= is the name of a file, such as 'cryostat.db', not {path!r:.100}") from None
    if earlier is not None:
        earlier.close()
    store = KeptStore(path)
    try:
        return Kept(store, props, list(devices), **options)
    except BaseException:
        store.close()
        raise


def kept(**props: PropValue) -> Component:
    """Show the kept values that differ from now, with buttons to apply them, and the presets. For a layout."""
    return DeviceView(kind="kept", signals=[], **props)
