"""The protocol between a page and the app: frames, what is read from them, and what waits to be sent.

Text and bytes come in and go out; sockets belong to `transport`. `docs/architecture.md` lists the frames.
"""
