"""The check of a dataset before it is trained on: numbers, plots, annotated pictures, suggestions."""
from src.dataset_check.run import check_dataset

__all__ = ["check_dataset"]
