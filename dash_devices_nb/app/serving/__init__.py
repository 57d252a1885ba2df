"""Serving: the place where an app is mounted, which outlives the app, and addresses below its path."""
