"""The journal: a bounded record of what happened, and the file of a recording.

Entries come in from the driver. What is kept is bounded in number and in bytes, and shared between roles by quotas.
"""
