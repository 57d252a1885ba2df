"""The notebook side: loops, output of callbacks, display, finding the Jupyter server."""
