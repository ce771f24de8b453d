"""Fetches COCO 2017 (`--dataset=coco`) or draws the demo data (`--dataset=shapes`) below `--data_path`."""
from collections.abc import Sequence

from src.config import load_config
from src.dataset.download import download_dataset
from src.runtime.cli import entry_point


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    config = load_config(argv)
    download_dataset(config.dataset, config.data_path, config.coco_root)


if __name__ == "__main__":
    main()
