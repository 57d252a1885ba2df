"""The `Dash` subclass and what drives the dispatcher.

- `dash`: `Dash`, the class that programs use
- `stock`: the one file that touches Dash's private attributes
- `outputs`: `Output` with a value, and what `push_mods` takes
- `declare`: from Dash's arguments of a callback to a `CallbackSpec`
- `context`: what `callback_context` shows in a callback
- `runtime`: the lock around the dispatcher, and the performing of its actions
- `calls`: running shared callbacks; `regular`: running regular ones; `workers`: the threads for plain functions
- `ending`: the one end of each call; `asked`: a request as it came
- `pages`: one connected page; `asgi`: our routes in front of Quart's
- `embed`: starting and stopping in a script, a notebook or somebody else's server
"""
