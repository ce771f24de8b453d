"""Exports a checkpoint: `python export.py --checkpoint_file_path FILE --file_name NAME --file_format FORMAT`."""
import logging

import numpy as np

from src.inference import create_loaded_net
from src.model_export import export_network, verify_export, with_suffix
from src.model_utils.config import load_config
from src.model_utils.entry import entry_point

logger = logging.getLogger("export")


@entry_point
def main(argv=None):
    config = load_config(argv)
    net = create_loaded_net(config)

    path = with_suffix(config.file_name, config.file_format)
    export_network(net, path, config.file_format, config.batch_size, config.img_shape)
    logger.info("%s: image (%d, 3, %d, %d) -> boxes, scores", path, config.batch_size, *config.img_shape)
    images = np.random.default_rng(config.seed).standard_normal((config.batch_size, 3, *config.img_shape))
    verify_export(net, path, config.file_format, images.astype(np.float32))


if __name__ == "__main__":
    main()
