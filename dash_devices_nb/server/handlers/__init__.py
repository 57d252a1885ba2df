"""Tornado handlers: every route of the Jupyter server extension, and who may ask for it."""
