"""Command line, device, ranks, signals, ModelArts."""
