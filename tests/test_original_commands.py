"""Every command that the Model Zoo's README documents, one after the other, on a CPU and with small networks."""
import os
import shlex
import shutil
import sys

import pytest

from src.config import load_config
from src.dataset.shapes import draw_shapes_dataset
from src.ssd import build_inference_net
from src.weights.checkpoint_file import save_checkpoint
from tests.support.script_runner import SMALL_NETWORK, copy_checkout, run

pytestmark = [pytest.mark.skipif(shutil.which("bash") is None or os.name == "nt", reason="needs bash"),
              pytest.mark.usefixtures("all_cores", "cpu"), pytest.mark.slow]
SMALL = {**SMALL_NETWORK, "classes": "[background, circle, square, triangle, star, cross, ring]", "num_classes": "7",
         "use_anchor_generator": "False", "batch_size": "4", "min_score": "0.001",
         "checkpoint_file_path": "LOG0-1/output/ckpt_0/ssd-1_2.ckpt", "file_name": "SSDMOBILE"}
CONFIGS = ("ssd300_config.yaml", "ssd300_config_gpu.yaml", "ssd_vgg16_config_gpu.yaml",
           "ssd_mobilenet_v1_fpn_ONNX_config.yaml")
CHECKPOINT = SMALL["checkpoint_file_path"]
CPU = "--device_target=CPU"
# Command, file that it writes, and what that file holds.
COMMANDS = [
    # It begins from a checkpoint of an earlier run, whose folder it renames.
    ("bash scripts/run_standalone_train.sh 0 2 0.01 coco config/ssd300_config.yaml LOG0/output/ckpt_0/ssd-1_2.ckpt 1",
     "LOG0/log.txt", "epoch: 2 step: 2, loss is "),
    ("bash scripts/run_distribute_train.sh 2 1 0.01 coco hccl.json config/ssd300_config.yaml",
     "LOG1/log.txt", "epoch: 1 step: 1, loss is "),
    ("bash scripts/run_distribute_train_gpu.sh 2 1 0.01 coco config/ssd300_config_gpu.yaml",  # in float16
     "LOG/log_output/1/rank.1/stdout", "epoch: 1 step: 1, loss is "),
    (f"python train.py --config_path=config/ssd300_config.yaml {CPU} --lr=0.01 --dataset=coco --epoch_size=1 "
     f"--batch_size=4 --pre_trained={CHECKPOINT} --filter_weight=True --save_checkpoint_epochs=1",
     "output/results.csv", "\n1,2,"),
    (f"python eval.py --config_path=config/ssd300_config.yaml {CPU} --dataset=coco --checkpoint_file_path={CHECKPOINT}",
     "output/eval_results.json", '"mAP"'),
    (f"bash scripts/run_eval.sh coco {CHECKPOINT} 0 config/ssd300_config.yaml", "eval0/log.txt", "\nmAP: "),
    (f"bash scripts/run_eval_gpu.sh coco {CHECKPOINT} 0 config/ssd300_config_gpu.yaml", "eval0/log.txt", "\nmAP: "),
    (f"python export.py --checkpoint_file_path {CHECKPOINT} --file_name ssd --file_format MINDIR --config_path "
     f"config/ssd300_config.yaml {CPU}", "ssd.mindir", ""),
    ("bash scripts/run_export.sh config/ssd_vgg16_config_gpu.yaml ONNX", "SSDMOBILE.onnx", ""),
    # The ONNX file has batches of four: the script says 1, the file decides.
    ("bash scripts/run_eval_onnx.sh . cocodataset SSDMOBILE.onnx", "eval.log", "\nmAP: "),
    # As printed, in the folder scripts, but for the place of the annotations.
    ("cd scripts; /bin/bash ./infer_ssd_mobilenet_v1_fpn_onnx.sh ../cocodataset/ val2017 ../SSDMOBILE.onnx "
     "{root}/cocodataset/annotations/instances_{{}}.json GPU ../config/ssd_mobilenet_v1_fpn_ONNX_config.yaml",
     "scripts/eval.log", "provider CPUExecutionProvider"),
]


@pytest.fixture
def checkout(tmp_path):
    """A copy of the checkout whose configurations have small networks, with data where they look for them."""
    folder = copy_checkout(tmp_path / "a checkout")
    for name in CONFIGS:
        path = folder / "config" / name
        settings, *help_texts = path.read_text(encoding="utf-8").split("\n---\n")
        lines = [line for line in settings.splitlines() if line.split(":")[0] not in SMALL]
        lines += [f"{key}: {value}" for key, value in SMALL.items()]
        path.write_text("\n---\n".join(["\n".join(lines), *help_texts]), encoding="utf-8")
    coco = folder / "cocodataset"
    draw_shapes_dataset(coco, num_train=8, num_val=4)
    for part in ("train", "val"):
        (coco / part).rename(coco / f"{part}2017")
        (coco / "annotations" / f"instances_{part}.json").rename(
            coco / "annotations" / f"instances_{part}2017.json")
    (folder / "data").mkdir()
    (folder / "data" / "coco_ori").symlink_to(coco)
    (folder / "hccl.json").write_text("{}", encoding="utf-8")
    earlier = folder / "LOG0" / "output" / "ckpt_0" / "ssd-1_2.ckpt"
    earlier.parent.mkdir(parents=True)
    save_checkpoint(build_inference_net(load_config([f"--config_path={folder / 'config' / CONFIGS[0]}"])), earlier)
    return folder


def test_one_after_the_other(checkout):
    for command, file, content in COMMANDS:
        if "distribute_train_gpu" in command and shutil.which("mpirun") is None:
            continue
        command = command.format(root=shlex.quote(str(checkout))).replace("python ", f"'{sys.executable}' ", 1)
        done = run(["bash", "-c", command], checkout, PYTHON=sys.executable, DEVICE_TARGET="CPU", WAIT="1")
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert content.encode() in (checkout / file).read_bytes(), command
    assert (checkout / "LOG0-1" / "output" / "ckpt_0" / "ssd-1_2.ckpt").is_file()
    assert (checkout / "LOG0-2" / "output" / "ckpt_0" / "ssd-2_2.ckpt").is_file()
    assert (checkout / "LOG" / "output" / "ckpt_0" / "ssd-1_1.ckpt").is_file()
    assert (checkout / "eval0-1" / "output" / "eval_results.json").is_file()
