"""Where we meet stock Dash: its private attributes (one file), its routes, its addresses, what its encoder imports."""
