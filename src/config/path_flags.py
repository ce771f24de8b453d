"""Paths of the configuration as flags, for the shell scripts, which rename folders before a run."""
import os
from collections.abc import Sequence

from src.config.loader import load_config

# Where the run writes: that is a new folder.
WRITTEN = "output_path"


def path_flags(argv: Sequence[str]) -> list[str]:
    """`--KEY=ABSOLUTE_PATH` for each value of the configuration that names a file or folder, and is no flag already.

    A path with a line break is left out: the scripts read the flags line by line.

    Raises:
        UserError: a flag or the configuration is wrong.
    """
    values = load_config(argv).to_dict()
    given = {flag.partition("=")[0] for flag in argv}
    paths = {key: os.path.realpath(value) for key, value in values.items()
             if isinstance(value, str) and value and os.path.exists(value)}
    return [f"--{key}={path}" for key, path in paths.items()
            if key != WRITTEN and f"--{key}" not in given and "\n" not in path]
