"""The sans-I/O heart: events in, actions out.

Nothing here imports asyncio, threading, a clock, a socket, Dash or Quart. `dispatch.Dispatcher` is the entry: each
`receive_*` method takes one event and returns the actions that follow from it. The other modules are its parts:

- `services`: what kind of callback (or server) a bit pattern means
- `ids`: component ids and their patterns (`ALL`, `MATCH`, `ALLSMALLER`)
- `values`: a prop's value with its JSON, encoded once
- `patches`: applying `Patch` operations and `extendData` to a stored value
- `layout`: which components there are, and the shared values laid over them
- `state`: the shared props with their revisions
- `spec`, `graph`: shared callbacks and what hangs on what
- `waves`, `lanes`, `waits`: one change running through the callbacks, their order, and who waits for whom
- `clients`: who is there
- `wire`: the frames between page and kernel
"""
