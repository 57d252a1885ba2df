"""Definitions: what a program declares, and which cell or module owns it.

Arguments of decorators come in and are checked here. A cell that runs again replaces what it had defined.
"""
