"""Flags that make each detector small enough to be compiled and trained in seconds, on the demo data."""
from pathlib import Path

import mindspore as ms

from src.config import load_config
from src.ssd import build_inference_net
from tests.support.golden_data import golden_weight

CLASSES = ("--classes=background,circle,square,triangle,star,cross,ring", "--num_classes=7")
DATA = ("--dataset=coco", "--coco_root=shapes", "--train_data_type=train", "--val_data_type=val",
        "--mindrecord_dir=records")
SMALL_MULTIBOX = ("--num_ssd_boxes=-1", "--img_shape=96,96", "--feature_size=6,3,2,1,1,1", "--steps=16,32,64,96,96,96")
SMALL_PYRAMID = ("--img_shape=128,128", "--feature_size=16,8,4,2,1")
# VGG16's last convolutions need a feature map of at least 5 x 5.
SMALL_VGG = ("--num_ssd_boxes=-1", "--img_shape=260,260", "--feature_size=33,17,9,5,3,1", "--steps=8,16,30,60,100,260")


def flags_for(config: str, shapes: Path, *more: str) -> tuple[str, ...]:
    """Flags of an entry script for a file in `config/` and the demo data, the fixture `shapes`; floats are float32."""
    return (f"--config_path=config/{config}", f"--data_path={shapes}", *CLASSES, *DATA, "--device_target=CPU",
            "--use_float16=False", "--warmup_epochs=0", "--min_score=0.001", "--batch_size=4", "--output_path=output",
            *more)


def save_detector(path: Path, flags: tuple[str, ...]) -> Path:
    """Saves the detector of these flags, which is not trained; its weights spread the scores."""
    net = build_inference_net(load_config(flags))
    for parameter in net.get_parameters():
        parameter.set_data(ms.Tensor(golden_weight(parameter.name, parameter.shape)))
    ms.save_checkpoint(net, str(path))
    return path
