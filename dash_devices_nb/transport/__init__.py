"""Sockets: serving an ASGI app on a socket that we bound, and the gate in front of it."""
