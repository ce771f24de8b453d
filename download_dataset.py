"""Fetches COCO 2017 (`--dataset=coco`) or draws the demo data (`--dataset=shapes`) below `--data_path`."""
from src.config import load_config
from src.dataset.download import download_dataset
from src.runtime.cli import entry_point


@entry_point
def main(argv=None):
    config = load_config(argv)
    download_dataset(config.dataset, config.data_path, config.coco_root)


if __name__ == "__main__":
    main()
