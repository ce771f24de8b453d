"""The check of a dataset before it is trained on: numbers, plots, annotated pictures, suggestions."""
from src.dataset_check.run import create_data_check

__all__ = ["create_data_check"]
