"""A connector whose module does something when it is imported."""

from __future__ import annotations

import threading

from tests.testing.broken.registry import breaks
from tests.testing.good import Good

threading.Thread(target=threading.Event().wait, daemon=True).start()


@breaks("test_import_is_quiet")
class Loud(Good):
    pass
