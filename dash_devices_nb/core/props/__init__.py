"""Props: the values that pages show, with their ids.

What is here knows component ids and patterns, values and patches, the layout, and the store of the shared values. It
knows neither callbacks nor clients. Plain Python values come in, JSON goes out.
"""
