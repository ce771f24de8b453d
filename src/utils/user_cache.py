"""Where files are kept that can be made or fetched again."""
import os
from pathlib import Path


def user_cache_folder() -> Path | None:
    """The folder of caches: `XDG_CACHE_HOME`, else `~/.cache`; None where this user has no home folder."""
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base)
    home = Path(os.path.expanduser("~"))
    return home / ".cache" if home.is_absolute() and home.is_dir() else None
