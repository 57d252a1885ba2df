"""Carrying requests and WebSockets between a browser and the app's own endpoint."""
