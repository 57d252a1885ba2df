"""Apps keep a key in Jupyter's data directory: these tests use one of their own."""

import pytest


@pytest.fixture(autouse=True)
def own_directories(monkeypatch, tmp_path):
    """A data directory for this test."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
