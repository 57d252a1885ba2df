"""Delivery: HTTP, batches of pushes, and images. The frames of a session are in `sessions`."""
