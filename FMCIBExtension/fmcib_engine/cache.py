"""The one folder for what is fetched or imported once: `FMCIB_HOME`, else the user's cache folder.

In it are `weights` (see `weights.store`), `heads` (`heads.store`) and `samples`. `kept` tells what lies there,
`removal` removes it.
"""

from __future__ import annotations

import os
from pathlib import Path

from .errors import DependencyError


def cache_folder() -> Path:
    """The folder; it may not exist yet.

    Raises:
        DependencyError: FMCIB_HOME is not set and platformdirs is not installed.
    """
    if home := os.environ.get("FMCIB_HOME"):
        return Path(home).expanduser()
    try:
        from platformdirs import user_cache_path
    except ImportError as error:
        msg = "Finding the cache folder needs platformdirs (extra [cli]). Install it, or set FMCIB_HOME to a folder."
        raise DependencyError(msg) from error
    return user_cache_path("fmcib", appauthor=False)
