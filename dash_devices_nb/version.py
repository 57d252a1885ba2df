"""The version: its one source. It imports nothing, because the Jupyter extension says it, too."""

__version__ = "0.1.0"
