"""Backbones: image -> feature maps."""
