"""Delivery: what goes over HTTP, in batches or as images, beside the frames of a session."""
