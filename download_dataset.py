"""Fetches COCO 2017 (`--dataset=coco`) or draws the demo data (`--dataset=shapes`) below `--data_path`."""
from src.download_dataset import download_dataset
from src.model_utils.config import load_config
from src.model_utils.entry import entry_point


@entry_point
def main(argv=None):
    config = load_config(argv)
    download_dataset(config.dataset, config.data_path, config.coco_root)


if __name__ == "__main__":
    main()
