"""Lets every test import what lies in test/support, and none fail for a slow machine."""

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent / "support"))
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
