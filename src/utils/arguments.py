"""Values of command lines that are the same for several scripts."""
import argparse


def path_argument(text: str) -> str:
    """For `argparse`: a path. An empty one, as of a shell variable that is not set, would be the working directory."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty; give a path, and look whether a variable in it is not set")
    return text
