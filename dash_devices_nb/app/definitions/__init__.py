"""Definitions: what a program declares, and which cell or module owns it.

The arguments of decorators are checked here. A cell that runs again replaces its earlier definitions.
"""
