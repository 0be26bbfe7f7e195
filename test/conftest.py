"""For every test: test/support on the path, no deadlines on slow machines, a cache of its own."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent / "support"))
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="asymformer-cache-")
atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)
