"""Servers and clients that the benchmarks run in processes of their own: ``python -m benchmarks.programs.NAME ...``."""
