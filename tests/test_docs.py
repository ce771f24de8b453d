"""What README.md and docs/ promise must be there: links, files, flags, keys, models; marked code blocks are run."""
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from src.config import load_config
from src.config.schema import KEYS
from src.dataset.shapes import draw_shapes_dataset
from src.ssd.registry import MODELS
from tests.support.golden_data import ROOT
from tests.support.markdown import CHINESE_README, FENCED, PAGES, README, flags_of, read_page
from tests.support.samples import voc_xml
from tests.support.script_runner import copy_checkout
from tests.support.small_models import SMALL_MULTIBOX

LONGEST_README = 250
EVERY_PAGE = pytest.mark.parametrize("page", [read_page(path) for path in PAGES], ids=lambda page: page.path.stem)
# Files of the examples, which a reader writes, which a program writes, and of others.
NOT_HERE = {"src/dataset/formats/csv_file.py", "tests/dataset/formats/test_csv_file.py", "scripts/run_slurm_train.sh",
            "config/ssd_mine_config.yaml", "src/backbones/my_backbone.py", "src/my_backbone.py",
            "config/config.yaml", "ascend310_infer/build", "hccl_tools.py", "scripts/NAME",
            "src/download_dataset.py", "create_data.py", "scripts/infer_ssd_fp16_accuracy.sh",
            "scripts/infer_ssd_fp16_performance.sh", "config/data.yaml", "ssd_train.py", "ssd_eval.py",
            *(f"config/ssd_{name}{device}.yaml" for name in ("mobilenetv2", "mobilenetv3", "resnet50_fpn")
              for device in ("", "_gpu"))}
# What stands for something else in a command.
PLACEHOLDERS = {"=CONFIG": "=config/ssd300_config.yaml",
                "$(seq -s, -f 'filler%g' 7 80)": ",".join(f"filler{number}" for number in range(7, 81))}
# Flags of predict.py that are no keys of the configuration.
PREDICT_FLAGS = ("input", "output", "max_images", "score", "only", "format", "crops", "show_gt")
SOURCES_OF_FLAGS = ("scripts/*.sh", "scripts/*.py", "src/inference/predict_args.py", "src/config/*.py",
                    "src/dataset/convert.py", "tests/benchmarks/*.py", "ascend310_infer/src/options.cc")


def test_the_readme_is_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= LONGEST_README


@pytest.mark.parametrize("path", [*PAGES, CHINESE_README], ids=lambda path: path.stem)
def test_links(path):
    page = read_page(path)
    for link in page.links:
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        assert not anchor or anchor in read_page(target).anchors, link


def test_the_readme_lists_every_page():
    index = README.read_text(encoding="utf-8").split("\n## Documentation\n")[1].split("\n## ")[0]
    assert re.findall(r"\]\(docs/([\w.]+)\)", index) == list(dict.fromkeys(re.findall(r"\]\(docs/([\w.]+)\)", index)))
    assert set(re.findall(r"\]\(docs/([\w.]+)\)", index)) == {path.name for path in PAGES[1:]}


@EVERY_PAGE
def test_named_files_exist(page):
    names = set(re.findall(r"(?<![\w./-])(?:config|scripts|src|tests|docs|ascend310_infer)/[\w./-]*\w", page.text))
    names |= {line.split()[1] for line in page.commands if re.match(r"python \w+\.py", line)}
    for name in page.spans:
        if re.fullmatch(r"[\w-]+\.(yaml|sh)", name):
            names.add(("config/" if name.endswith(".yaml") else "scripts/") + name)
        if re.fullmatch(r"\w+\.py", name) and not any((ROOT / "src").rglob(name)):
            names.add(name)
    assert [name for name in sorted(names - NOT_HERE) if not (ROOT / name).exists()] == []


@EVERY_PAGE
def test_commands_have_valid_flags(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    for command in page.commands:
        if re.match(r"python \w+\.py ", command):
            for name, value in PLACEHOLDERS.items():
                command = command.replace(name, value)
            flags = [flag for flag in flags_of(command) if not re.match(rf"--({'|'.join(PREDICT_FLAGS)})\b", flag)]
            if any(flag.startswith("--help") for flag in flags):
                with pytest.raises(SystemExit) as stop:
                    load_config(flags)
                assert stop.value.code in (0, None)
            else:
                config = load_config(flags, for_training="train.py" in command)
                for flag in flags:
                    key, _, value = flag[2:].partition("=")
                    if key in ("checkpoint_file_path", "pre_trained", "output_path"):
                        assert getattr(config, key) == value


@EVERY_PAGE
def test_named_flags_exist(page):
    text = "".join(path.read_text(encoding="utf-8") for pattern in SOURCES_OF_FLAGS for path in ROOT.glob(pattern))
    known = {*KEYS, *re.findall(r"--(\w+)", text), *re.findall(r'\{"(\w+)", "', text)}
    ours = [line for line in page.commands if re.search(r"python (\w+\.py|-m (src|tests))|bash scripts/", line)]
    ours += [span for span in page.spans if span.startswith("--") and "=" not in span.split()[0][:3]]
    named = {name for line in ours for name in re.findall(r"(?<![\w-])--(\w[\w-]*)", line)}
    assert sorted(named - known - {"epoch"}) == []  # a prefix that a library takes which was tried


@EVERY_PAGE
def test_named_modules_exist(page):
    for name in re.findall(r"python -m ((?:src|tests)[\w.]+)", page.text):
        assert (ROOT / (name.replace(".", "/") + ".py")).is_file(), name


@EVERY_PAGE
def test_named_keys_exist(page):
    """`key: value` in the text, and the first column of tables of keys."""
    for span in page.spans:
        found = re.fullmatch(r"([a-z0-9_]+): (\S.*)", span)
        if found:
            load_config(["--run_eval=True", f"--{found[1]}={found[2]}"])
    for header, *rows in page.tables:
        if header[0] == "key":
            keys = [key for row in rows for key in re.findall(r"`(\w+)`", row[0])]
            assert [key for key in keys if key not in KEYS] == []


def test_named_functions_exist():
    """The functions in the table of box conventions."""
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    table = next(table for table in read_page(ROOT / "docs" / "architecture.md").tables if table[0][-1] == "functions")
    names = {name for row in table[1:] for span in re.findall(r"`(\w+(?:\.(?!json)\w+)?)`", row[-1])
             for name in span.split(".")}
    assert [name for name in names if not re.search(rf"(def|class) {name}\b", text)] == []


def test_the_table_of_models():
    header, *rows = read_page(ROOT / "docs" / "models.md").tables[0]
    models = {}
    for row in rows:
        names = re.findall(r"`(\w+)`", row[0])
        models.update(dict.fromkeys(names, row))
        for file in re.findall(r"`(\w+\.yaml)`", row[5]):
            config = load_config([f"--config_path={ROOT / 'config' / file}"], for_training=True)
            assert config.model_name in names
            assert [f"{config.img_shape[0]} x {config.img_shape[1]}", str(config.num_ssd_boxes)] == row[3:5]
    assert header[0] == "`model_name`" and set(models) == set(MODELS)
    files = {file for row in rows for file in re.findall(r"`(\w+\.yaml)`", row[5])}
    assert files == {path.name for path in (ROOT / "config").glob("*.yaml")}


def test_the_arguments_of_shell_scripts():
    """The tables have every script, with the arguments of its usage."""
    usages = {}
    for script in (ROOT / "scripts").glob("*.sh"):
        text = script.read_text(encoding="utf-8").replace("\\\\\n", "")
        found = re.search(r'Usage: bash scripts/(?:\$\{SCRIPT_NAME:-)?([\w.]+)\}?(.*)', text)
        if found:
            usages[found[1]] = " ".join(found[2].replace("[--wait]", "").rstrip('"').split())
    page, named = read_page(ROOT / "docs" / "shell_scripts.md"), set()
    for _, *rows in page.tables:
        for row in rows:
            names = re.findall(r"`([\w.]+\.sh)`", row[0])
            named.update(names)
            if names[0] in usages:
                said = row[1].replace("\\|", "|").split(";")[0]
                assert ("" if said == "none" else said) == usages[names[0]], names[0]
    sourced = {"common.sh", "lite_common.sh"}
    assert named == {path.name for path in (ROOT / "scripts").glob("*.sh")} - sourced


# Code blocks that are run

RUNNABLE = [pytest.param(block, id=f"{path.stem}-{number}") for path in PAGES
            for number, block in enumerate(read_page(path).blocks) if block.marker]


def blocks_with(marker):
    return [param for param in RUNNABLE if param.values[0].marker == marker]


def test_markers_are_known():
    assert {param.values[0].marker for param in RUNNABLE} <= {"as it is", "small", "hub", "onnx", "python"}


@pytest.mark.parametrize("block", blocks_with("as it is"))
def test_blocks_that_run_as_they_are(block, tmp_path):
    checkout = copy_checkout(tmp_path / "checkout")
    if block.language == "bash":
        (tmp_path / "python").symlink_to(sys.executable)
        command = ["bash", "-euo", "pipefail", "-c", f'python() {{ "{sys.executable}" "$@"; }}\n{block.text}']
    else:
        command = [sys.executable, "-c", block.text]
    done = subprocess.run(command, cwd=checkout, text=True, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


SMALL = {"train": ("--epoch_size=1", "--eval_start_epoch=1", "--batch_size=4"), "eval_onnx": ("--benchmark_images=4",)}
# Pages whose blocks go on from the files of earlier ones.
SMALL_RUNS = {"readme": ("README.md",), "pages": ("datasets.md", "training.md", "evaluation.md", "export.md",
                                                  "performance.md", "prediction.md")}


def small_flags(script, flags):
    """What makes the network and the training small."""
    shape = SMALL_MULTIBOX if any(flag.startswith("--config_path") for flag in flags) else ()
    return *flags, *shape, *SMALL.get(script, ())


@pytest.fixture
def small_data(tmp_path):
    """Words of the commands, and what stands for them here: drawn data, also as `data/bccd`."""
    draw_shapes_dataset(tmp_path / "data" / "shapes", num_train=16, num_val=6)
    images = list_boxes(tmp_path / "data" / "shapes", "train")
    names = ["RBC", "WBC", "Platelets"]
    for part, some in (("trainval", images[:10]), ("test", images[10:])):
        write_voc(tmp_path / "data" / "bccd" / "JPEGImages", tmp_path / "data" / "bccd" / "Annotations", some, names)
        listed = tmp_path / "data" / "bccd" / "ImageSets" / "Main" / f"{part}.txt"
        listed.parent.mkdir(parents=True, exist_ok=True)
        listed.write_text("".join(f"{path.stem}\n" for path, _ in some), encoding="utf-8")
    write_voc(tmp_path / "mine", tmp_path / "mine", images, names)
    return {"=DIR": f"={tmp_path / 'mine'}", "=IMAGES": "=data/shapes/val", "=photos": "=data/shapes/val"}


def list_boxes(coco, part):
    """`(path of the image, [[xmin, ymin, xmax, ymax], ...])` of each image of a COCO dataset."""
    content = json.loads((coco / "annotations" / f"instances_{part}.json").read_text(encoding="utf-8"))
    boxes = {image["id"]: [] for image in content["images"]}
    for annotation in content["annotations"]:
        x, y, width, height = map(int, annotation["bbox"])
        boxes[annotation["image_id"]].append([x, y, x + width, y + height])
    return [(coco / part / image["file_name"], boxes[image["id"]]) for image in content["images"]]


def write_voc(image_dir, xml_dir, images, names):
    for folder in (image_dir, xml_dir):
        folder.mkdir(parents=True, exist_ok=True)
    for path, boxes in images:
        shutil.copy(path, image_dir)
        objects = [(names[index % len(names)], *box) for index, box in enumerate(boxes)]
        height, width = cv2.imread(str(path)).shape[:2]
        (xml_dir / f"{path.stem}.xml").write_text(voc_xml(objects, path.name, width, height), encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("names", SMALL_RUNS.values(), ids=SMALL_RUNS)
def test_blocks_that_run_with_a_small_network(names, run, small_data):
    """Each command as it stands, with flags that make the network and the training small."""
    pages = {path.name: read_page(path) for path in PAGES}
    blocks = [block for name in names for block in pages[name].blocks]
    for command in [command for block in blocks if block.marker == "small" for command in block.commands()]:
        for text, value in small_data.items():
            command = command.replace(text, value)
        program, script, *flags = shlex.split(command)
        if program == "python" and script != "download_dataset.py":
            name = Path(script).stem
            _, err, code = run(name, *small_flags(name, flags))
            assert code == 0, f"{command}\n{err}"


def test_markers_of_small_blocks_are_in_a_run():
    pages = {name for names in SMALL_RUNS.values() for name in names}
    assert {path.name for path in PAGES if any(block.marker == "small" for block in read_page(path).blocks)} <= pages


@pytest.mark.parametrize("block", blocks_with("hub"))
def test_blocks_with_a_checkpoint_of_the_hub(block, tmp_path, monkeypatch):
    import mindspore as ms

    from mindspore_hub_conf import create_network

    monkeypatch.chdir(tmp_path)
    ms.save_checkpoint(create_network("ssd_resnet50_fpn"), "ssd.ckpt")
    names = {}
    exec(compile(block.text, "docs", "exec"), names)
    assert not names["net"].training


# README.md and README_CN.md


def test_both_languages_have_the_same_code_blocks():
    both = [[found["text"] for found in FENCED.finditer(path.read_text(encoding="utf-8"))]
            for path in (README, CHINESE_README)]
    assert both[0] == both[1]


def test_both_languages_have_the_same_headings_and_tables():
    def outline(page):
        levels = re.findall(r"^#+(?= )", page.prose, flags=re.MULTILINE)
        return levels, [[len(row) for row in table] for table in page.tables]

    assert outline(read_page(README)) == outline(read_page(CHINESE_README))
