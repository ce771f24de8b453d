"""Typed configuration: YAML file and command line -> `Config`."""
from src.config.loader import load_config
from src.config.schema import Config

__all__ = ["Config", "load_config"]
