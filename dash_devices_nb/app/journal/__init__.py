"""The journal as a program sees it, and calling what it holds again: one call, or a whole recording."""
