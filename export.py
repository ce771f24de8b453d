"""Exports a checkpoint: `python export.py --checkpoint_file_path FILE --file_name NAME --file_format FORMAT`."""
import logging
from collections.abc import Sequence

from src.config import load_config
from src.export.exporter import export_checkpoint, verify_file
from src.model_zoo import with_config_of_weights
from src.runtime.cli import entry_point
from src.runtime.modelarts import cloud_copy

logger = logging.getLogger("export")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    config = load_config(with_config_of_weights(argv))

    with cloud_copy(config):
        net, path = export_checkpoint(config)

        logger.info("exported %s", path)
        if config.verify:
            verify_file(config, net, path)


if __name__ == "__main__":
    main()
