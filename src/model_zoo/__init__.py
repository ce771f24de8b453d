"""Published weights by name: the table, where they come from, and the cache folder that keeps them."""
from src.model_zoo.fetch import find_weights, published_classes, published_config, with_config_of_weights

__all__ = ["find_weights", "published_classes", "published_config", "with_config_of_weights"]
