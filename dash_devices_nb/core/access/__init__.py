"""Access: who somebody is, what they may do, and how much of it.

Roles, the floor (floor control as in RFC 4582), admission, rates and budgets of share links. Requests and times come in
as arguments; the answers are plain values.
"""
