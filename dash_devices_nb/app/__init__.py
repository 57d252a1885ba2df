"""The public class `Dash`, and what drives the dispatcher of the core.

Requests and frames come in by `delivery` and `sessions`, pushes and declarations by `api`. The rooms, lowest first:

- `stock_dash`: where we meet stock Dash; `dash_internals` is the one file that touches its private attributes
- `client_session`: one open page, as the app knows it, and what waits for it
- `definitions`: what a program declares, and which cell owns it
- `execution`: the runtime with its one lock, and running callbacks in workers or on a loop
- `serving`: the place where an app is mounted
- `journal`: the record of what happened, as a program sees it
- `access`: permissions, share links, guards of routes, the floor
- `sessions`: one for each open page
- `delivery`: HTTP, images, batches
- `api`: `Dash`, which delegates, and the parts that it delegates to
"""
