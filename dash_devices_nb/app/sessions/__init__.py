"""Sessions: one for each open page, from its handshake to its end.

WebSockets come in from `delivery`; frames go to the dispatcher by way of the runtime, and its actions come back.
"""
