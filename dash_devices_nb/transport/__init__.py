"""Sockets: serving an ASGI app on a socket that we bound, and authentication in front of it."""
