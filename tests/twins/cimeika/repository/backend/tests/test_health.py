"""Health."""

import os


def test_health():
    assert os.environ.get("UNDOCUMENTED_SWITCH_OF_TESTS") is None
