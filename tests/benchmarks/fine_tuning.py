"""mAP against CPU seconds of the one command that fine-tunes, for the first images of a dataset; one core each.

    python -m tests.benchmarks.fine_tuning --voc=DIR --images=10,20,50,0 --seeds=1,2,3 --csv=FILE.csv [-- FLAG...]
    python -m tests.benchmarks.fine_tuning --plot=FILE.png FILE.csv...

DIR has the standard layout of VOC with the lists `trainval` and `test`; 0 images are all. A line of the file is one
evaluation on `test`: name of DIR, images, seed, epoch, epochs, CPU seconds since the start of the command, mAP.
"""
import argparse
import csv
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import psutil

from src.visualization.plot_style import new_figure, plot_style, save_plot

COLUMNS = ("data", "images", "seed", "epoch", "epochs", "cpu_seconds", "mAP")


def cpu_seconds(process):
    """CPU seconds of a process and of those that it started, user and system, until now."""
    times = process.cpu_times()
    ended = times.children_user + times.children_system
    return times.user + times.system + ended + sum(cpu_seconds(child) for child in process.children())


def link_subset(voc, images, folder):
    """A VOC dataset in `folder` whose part `some` is the first `images` of `trainval`; returns their number."""
    names = (voc / "ImageSets" / "Main" / "trainval.txt").read_text(encoding="utf-8").splitlines()
    names = names[: images or None]
    lists = folder / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "some.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    (lists / "test.txt").write_bytes((voc / "ImageSets" / "Main" / "test.txt").read_bytes())
    for name in ("JPEGImages", "Annotations"):
        (folder / name).symlink_to((voc / name).resolve())
    return len(names)


def measure(voc, images, seed, core, flags):
    """Rows of one run."""
    with tempfile.TemporaryDirectory() as folder:
        count = link_subset(voc, images, Path(folder) / "data")
        command = [sys.executable, "train.py", "--config_path=config/finetune.yaml", "--dataset=voc",
                   f"--voc_root={folder}/data", "--train_data_type=some", "--val_data_type=test",
                   f"--mindrecord_dir={folder}/records", f"--output_path={folder}/output", f"--seed={seed}",
                   "--cpu_threads=1", *flags]
        process = psutil.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env={**os.environ, "OMP_NUM_THREADS": "1"})
        process.cpu_affinity([core])
        epoch, epochs, lines = 0, 0, []
        for line in process.stdout:
            lines.append(line)
            if found := re.match(r"epoch: (\d+) step", line):
                epoch = int(found[1])
            if found := re.search(r"epochs \d+ to (\d+)", line):
                epochs = int(found[1])
            if found := re.match(r"mAP: ([\d.e-]+)", line):
                yield voc.name, count, seed, epoch, epochs, round(cpu_seconds(process), 1), round(float(found[1]), 4)
        if process.wait():
            sys.exit("".join(lines[-40:]))


def plot(files, target):
    """The mean of the seeds of each dataset and number of images, a panel for each dataset."""
    runs = defaultdict(lambda: defaultdict(list))
    for file in files:
        with open(file, newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                key = row["data"], int(row["images"])
                runs[key][int(row["epoch"])].append((float(row["cpu_seconds"]), float(row["mAP"])))
    names = sorted({data for data, _ in runs})
    with plot_style(names):
        figure = new_figure(9, 3.6)
        panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
        for name, panel in zip(names, panels):
            for data, images in sorted(runs):
                if data == name:
                    points = np.array([np.mean(values, axis=0) for _, values in sorted(runs[data, images].items())])
                    panel.plot(points[:, 0] / 60, points[:, 1], marker="o", markersize=3, label=f"{images} images")
            panel.set(title=name, xlabel="CPU minutes from the start of the command", xlim=(0, None))
            panel.legend(loc="lower right")
        panels[0].set(ylabel="mAP, protocol coco", ylim=(0, None))  # of all panels, after all lines
        save_plot(figure, target)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--voc", type=Path)
    parser.add_argument("--images", default="0")
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("rest", nargs="*")
    arguments = parser.parse_args()
    if arguments.plot:
        plot(arguments.rest, arguments.plot)
        return
    is_new = not arguments.csv.exists()
    with open(arguments.csv, "a", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        if is_new:
            writer.writerow(COLUMNS)
        for images in map(int, arguments.images.split(",")):
            for seed in map(int, arguments.seeds.split(",")):
                for row in measure(arguments.voc, images, seed, arguments.core, arguments.rest):
                    print(*row, flush=True)
                    writer.writerow(row)
                    stream.flush()


if __name__ == "__main__":
    main()
