"""What `repeat_threshold` does for a class that is in few images; one core.

    python -m tests.benchmarks.rare_class --voc=DIR --rare=NAME [--images=12] [--threshold=0.3] [--seed=1] [--core=0]
        [-- FLAG...]

DIR has the standard layout of VOC with the lists `trainval` and `test`. Of the images of `trainval` with the class
NAME, the first `images` stay. Runs of config/finetune.yaml follow, without and with `repeat_threshold`; each prints a
line with its mAP on `test`, and with the AP of each class (IoU 0.50 to 0.95) of the best weights.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.empty_images import fine_tune, image_of, listed


def thin_out(voc, rare, images, folder):
    """A VOC dataset in `folder`; returns the numbers of its training images, and of those with the class."""
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    texts = {name: (voc / "Annotations" / f"{name}.xml").read_text(encoding="utf-8")
             for name in listed(voc, "trainval")}
    with_class = [name for name, text in texts.items() if f"<name>{rare}</name>" in text]
    parts = {"trainval": [name for name in texts if name not in with_class[images:]], "test": listed(voc, "test")}
    for part, names in parts.items():
        (folder / "ImageSets" / "Main" / f"{part}.txt").write_text("\n".join(names), encoding="utf-8")
        for name in names:
            (folder / "JPEGImages" / image_of(voc, name).name).symlink_to(image_of(voc, name))
            (folder / "Annotations" / f"{name}.xml").symlink_to((voc / "Annotations" / f"{name}.xml").resolve())
    return len(parts["trainval"]), len(with_class[:images])


def average_precisions(output):
    """AP of each class of the best weights of a run."""
    command = [sys.executable, "eval.py", f"--config_path={output / 'config.yaml'}", f"--output_path={output / 'eval'}",
               f"--checkpoint_file_path={output / 'ckpt_0' / 'best_map.ckpt'}"]
    subprocess.run(command, check=True, capture_output=True)
    results = json.loads((output / "eval" / "eval_results.json").read_text(encoding="utf-8"))
    return {one["name"]: one["AP"] for one in results["protocols"]["coco"]["classes"]}


def main():
    own, _, flags = " ".join(sys.argv[1:]).partition(" -- ")
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.rare_class")
    parser.add_argument("--voc", type=Path, required=True)
    parser.add_argument("--rare", required=True)
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--threshold", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--core", type=int, default=0)
    args = parser.parse_args(own.split())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        all_images, with_class = thin_out(args.voc, args.rare, args.images, folder / "data")
        print(f"{all_images} training images, {with_class} of them with the class {args.rare}")
        for threshold in (0.0, args.threshold):
            output, value, seconds = fine_tune(folder, args.seed, args.core,
                                               [f"--repeat_threshold={threshold}", *flags.split()])
            print(f"repeat_threshold {threshold}, seed {args.seed}: mAP at the end {value:.4f}; {seconds:.0f} CPU s; "
                  f"best: {average_precisions(output)}", flush=True)


if __name__ == "__main__":
    main()
