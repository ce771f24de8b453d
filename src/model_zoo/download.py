"""Lists the published weights, or fetches some ahead: `python -m src.model_zoo.download [NAME ...]`."""
import logging
import sys
from collections.abc import Sequence

from src.model_zoo.fetch import cache_folder, fetch_weights, nearest_name
from src.model_zoo.table import PUBLISHED
from src.runtime.cli import entry_point
from src.utils.errors import UserError

logger = logging.getLogger("download_weights")


def format_table() -> str:
    """Text: a paragraph for each of the published weights, and whether it is in the cache folder."""
    lines = []
    for name, row in PUBLISHED.items():
        there = "  [there]" if (cache_folder() / row.checkpoint).is_file() else ""
        stated = f"mAP {row.stated} as stated" if row.stated else "no mAP stated"
        size = f"{row.size / 1e6:.1f} MB" if row.size else "size unknown"
        lines.append(f"{name}{there}\n    {row.model}, {row.trained_on}, {stated}, {row.licence}, {size}\n"
                     f"    config/{row.config_file}")
    return "\n".join([*lines, f"They are kept in {cache_folder()} (SSD_WEIGHTS names another folder)."])


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    names = sys.argv[1:] if argv is None else argv
    for name in names:
        if name not in PUBLISHED:
            raise UserError(f"there are no published weights {name!r}{nearest_name(name)}")
    if not names:
        logger.info("%s", format_table())
    for name in names:
        logger.info("%s: %s", name, fetch_weights(name))


if __name__ == "__main__":
    main()
