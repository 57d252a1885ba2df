"""The history of devices: readings on disk, and graphs that start with them and continue live.

- `store`: one file of readings (DuckDB): adding, ranges thinned to the width of a page, export, retention
- `recorder`: writes readings into a store, from its own thread
- `graph`: a plot that opens with the history and continues live

Readings come in from any thread. DuckDB is an extra: `pip install "dash-devices-nb[history]"`.
"""
