"""The sans-I/O core: events in, actions out.

Nothing here imports asyncio, threading, a clock, a socket, Dash or Quart. `callbacks.dispatcher.Dispatcher` is the way
in: each `receive_*` method takes one event and returns the actions that follow from it. The rooms, lowest first:

- `props`: ids, values, patches, the layout, and the store of the shared values
- `access`: who somebody is, what they may do, and how much of it
- `callbacks`: which shared callbacks an event calls, in which order, and what follows from their results
- `protocol`: the frames between a page and the app, and what waits to be sent
- `journal`: a bounded record of what happened
"""
