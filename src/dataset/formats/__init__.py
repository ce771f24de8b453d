"""The formats of annotations: where each keeps its files, and what they say."""
