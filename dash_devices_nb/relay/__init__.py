"""The relay: a process that serves the pages of an app to those who look on (`docs/relay.md`)."""
