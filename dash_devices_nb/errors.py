"""The exceptions of dash_devices_nb.

Everything that this package raises on purpose descends from one root, so that a program can tell
our refusals from bugs::

    DashDevicesError
    ├── ServiceError          service bits that mean nothing, or that clash
    ├── DeclarationError      a callback that cannot be declared so
    │   ├── DuplicateOutputError   an output that another shared callback has
    │   └── CallbackCycleError     shared callbacks that would call each other for ever
    ├── ModsError             mods that cannot be pushed or returned
    │   ├── InvalidModsError       neither a dict, nor an Output with a value, nor a list of those
    │   ├── InvalidValueError      a value that is not JSON
    │   ├── UnknownPropError       a prop that the component does not have
    │   └── PatchError             a Patch that does not fit the value it is for
    ├── RoleError             a text that is no role
    ├── RunError              an app that cannot be run so, or does not run
    ├── ShareError            a share link that cannot be made so, or does not count
    ├── QuestionError         a question that cannot be asked so, or whose answers cannot be given so
    ├── ReplayError           a call, or a recording, that cannot be replayed
    ├── JournalError          the journal cannot be saved, or shown so
    ├── FrameError            a frame that is not one of ours, or is over the limit
    ├── RegistrationError     a kernel's record of an app, its name or its place is refused
    ├── UpstreamError         the kernel side of an app does not answer the Jupyter server
    ├── BindError             a socket cannot be had
    │   └── PortInUseError    because another program has the port
    ├── LoopError             a call between threads that could never return, or to a stopped loop
    ├── RemoteError           an app that cannot be reached by a program, or is not there any more
    │   ├── RefusedError           a change or a call that the app has refused
    │   └── UncertainError         a change of which it is not known whether it was made
    └── DisplayError          a page cannot be shown in the way that was asked for
    CallbackInterrupted       (outside the tree, see there) the stop button was pressed

A message states the fact, the actual value and what is accepted. This module imports nothing,
because the kernel and the Jupyter server share it and may live in different environments.
"""


class DashDevicesError(Exception):
    """Root of all exceptions that dash_devices_nb raises on purpose."""


class ServiceError(DashDevicesError, ValueError):
    """Service bits that mean nothing, or that clash."""


class DeclarationError(DashDevicesError, ValueError):
    """A callback that cannot be declared so."""


class DuplicateOutputError(DeclarationError):
    """An output that another shared callback has."""


class CallbackCycleError(DeclarationError):
    """Shared callbacks that would call each other for ever."""


class ModsError(DashDevicesError):
    """Mods that cannot be pushed or returned. Nothing of them was applied."""


class InvalidModsError(ModsError, TypeError):
    """Neither a dict, nor an `Output` with a value, nor a list of those."""


class InvalidValueError(ModsError, TypeError):
    """A value that is not JSON."""


class UnknownPropError(ModsError, ValueError):
    """A prop that the component does not have."""


class PatchError(ModsError, ValueError):
    """A `Patch` that does not fit the value it is for."""


class RoleError(DashDevicesError, ValueError):
    """A text that is no role."""


class RunError(DashDevicesError):
    """An app that cannot be run so, or does not run."""


class ShareError(DashDevicesError, ValueError):
    """A share link that cannot be made so, or that does not count."""


class QuestionError(DashDevicesError, ValueError):
    """A question that cannot be asked so, or whose answers cannot be given so."""


class ReplayError(DashDevicesError):
    """A call, or a recording, that cannot be replayed."""


class DeviceError(DashDevicesError):
    """A device that cannot be described, read or connected."""


class SignalError(DeviceError, LookupError):
    """A device has no such signal, or the description of a signal does not fit."""


class SetError(DeviceError, ValueError):
    """A signal cannot be set, not to this value, or the device has refused it."""


class HistoryError(DeviceError):
    """A history cannot be opened, written or read."""


class KeptError(DeviceError):
    """Kept values cannot be opened or written, or there is none of that name."""


class StreamError(DashDevicesError):
    """A callback that is an async generator has raised; the log has its traceback."""


class JournalError(DashDevicesError):
    """The journal cannot be saved there, or shown in the way that was asked for."""


class FrameError(DashDevicesError, ValueError):
    """A frame that is not one of ours, or is over the limit."""


class RegistrationError(DashDevicesError):
    """A registration record, its name or its place is not acceptable."""


class UpstreamError(DashDevicesError):
    """The kernel side of an app cannot be reached or broke off before it answered."""


class BindError(DashDevicesError):
    """A socket to serve on cannot be had."""


class PortInUseError(BindError):
    """Another program, or an app that still runs, has the port."""


class LoopError(DashDevicesError):
    """A call to an event loop could never return (deadlock), or the loop is not there."""


class RemoteError(DashDevicesError):
    """An app that a program cannot reach, or that is not there any more."""


class RefusedError(RemoteError):
    """The app has refused a change or a call of a program.

    Attributes:
        why: "forbidden" (the role, the floor, or the program's own check), "absent" (there is no such component or
            callback), "private" (the prop is not shared), "changed" (others were faster), or "unfit".
        current: the values that hold where others were faster, `{id: {prop: value}}`.
        revision: their revision.
    """

    def __init__(
        self, message: str, why: str = "", current: dict[str, dict[str, object]] | None = None, revision: int = 0
    ) -> None:
        super().__init__(message)
        self.why = why
        self.current = current or {}
        self.revision = revision


class UncertainError(RemoteError):
    """The connection was lost before the app answered, and it is not known whether the change was made."""


class DisplayError(DashDevicesError):
    """A page cannot be shown in the way that was asked for."""


class CallbackInterrupted(BaseException):
    """Raised inside a plain callback that runs too long, when the stop button is pressed.

    It is no `Exception`, so that a loop which retries on any error ends too. It is no
    `KeyboardInterrupt` either: asyncio lets one that arrives in a task escape from the loop, which
    would end the kernel when a coroutine awaits the result of the interrupted call.
    """

    def __init__(self, message: str = "The stop button was pressed while this ran.") -> None:
        super().__init__(message)
