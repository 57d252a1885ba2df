"""Access on the side of the app: permissions of clients, share links, guards of routes, the floor's timer.

`core.access` has the rules; here they meet requests, sessions and the program.
"""
