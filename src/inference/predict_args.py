"""The flags of `predict.py` that are no keys of the configuration."""
import argparse
from collections.abc import Sequence

from src.config.loader import FlagParser, parse_flags
from src.dataset.formats.writers import WRITERS
from src.evaluation.thresholds import BEST, KINDS, USUAL_SCORE
from src.inference.load import is_exported
from src.utils.arguments import path_argument
from src.utils.errors import UserError


def _score(text: str) -> float | str:
    try:
        return text if text in (BEST, *KINDS) else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number, nor one of {', '.join((BEST, *KINDS))}") from None


def parse_arguments(argv: Sequence[str], description: str) -> tuple[argparse.Namespace, list[str]]:
    """The arguments of the script, and the flags that are left for `load_config`.

    An exported model needs no configuration. It runs on a CPU unless a flag or a configuration file names a device.
    """
    parser = FlagParser(
        usage="%(prog)s --input INPUT [INPUT ...] --checkpoint_file_path=MODEL [--key=value ...]",
        description=description.replace("`", ""),
        epilog="All other flags are keys of the configuration, such as --tiles for small objects in large images, see: "
               "python eval.py --help", allow_abbrev=False)
    what = parser.add_argument_group("inputs")
    what.add_argument("--input", nargs="+", required=True, type=path_argument,
                      help="images, videos, folders of them, patterns ('photos/**/*.jpg'), camera numbers (0)")
    what.add_argument("--checkpoint_file_path", metavar="MODEL",
                      help="a checkpoint, with the --config_path of its training unless it is in that run's folder; or "
                           "an exported .onnx or .mindir file, which needs no configuration")
    what.add_argument("--max_images", type=int, metavar="N", help="stop after so many images and frames")
    which = parser.add_argument_group("detections")
    which.add_argument("--score", type=_score, metavar="NUMBER|KIND",
                       help=f"confidence threshold: a number, or one that the model knows of its evaluation: {BEST} "
                            f"(F1), {', '.join(KINDS[1:])} (default: {BEST} where it is known, else {USUAL_SCORE})")
    which.add_argument("--nms_threshold", type=float, metavar="IOU",
                       help="largest overlap of two detections of a class (default: that of the model)")
    which.add_argument("--only", metavar="CLASS,...", help="detections of these classes only (default: all)")
    output = parser.add_argument_group("output")
    output.add_argument("--output", default="./output/predict", type=path_argument,
                        help="folder of the pictures and detections, and of nothing else; those of an earlier run are "
                             "kept under a number (default: ./output/predict)")
    output.add_argument("--format", choices=("json", "csv", *WRITERS), default="json",
                        help="file of detections, json (default) or csv; any other format also writes the detections "
                             "in images as annotations for the program of that name, and uncertain.csv")
    output.add_argument("--crops", action="store_true", help="save the inside of each box too, in crops/CLASS")
    output.add_argument("--show_gt", nargs="?", const=True, metavar="FILE",
                        help="draw the annotated boxes beside: those of the dataset of the configuration, or of a COCO "
                             "annotation file")
    arguments, flags = parser.parse_known_args(argv)
    for name, low, high in (("score", 0, 1), ("nms_threshold", 0, 1), ("max_images", 1, float("inf"))):
        value = getattr(arguments, name)
        if isinstance(value, (int, float)) and not low <= value <= high:
            raise UserError(f"--{name} is {value}; allowed: from {low} to {high}")
    for name in ("checkpoint_file_path", "nms_threshold"):  # keys of the configuration as well
        if getattr(arguments, name) is not None:
            flags.append(f"--{name}={getattr(arguments, name)}")
    arguments.has_config = "config_path" in parse_flags(flags)
    if is_exported(arguments.checkpoint_file_path or "") and not arguments.has_config:
        flags.insert(0, "--device_target=CPU")
    return arguments, flags
