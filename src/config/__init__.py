"""Typed configuration: YAML file and command line -> `Config`."""
from src.config.loader import load_config

__all__ = ["load_config"]
