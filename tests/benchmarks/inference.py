"""Images per second of whole images with ONNX Runtime on this CPU, for every model, at batch 1 and 32.

    python -m tests.benchmarks.inference [--benchmark_images N] [--key=value ...]

The images are drawn ones unless the flags name a dataset. The weights are those of the start of a training: they find
nothing above the score that is set here. With a trained checkpoint: `eval_onnx.py --benchmark`.
"""
import sys
import tempfile
from pathlib import Path

CONFIGS = (
    "ssd300_config.yaml",
    "ssd_mobilenet_v1_300_config_gpu.yaml",
    "ssd_vgg16_config_gpu.yaml",
    "ssd_mobilenet_v1_fpn_config_gpu.yaml",
    "ssd_resnet50_fpn_config_gpu.yaml",
)


def main(argv):
    import mindspore as ms

    import eval_onnx
    import export
    from src.model_utils.config import load_config
    from src.shapes_dataset import SHAPE_CLASSES, draw_shapes_dataset
    from src.ssd import build_inference_net

    with tempfile.TemporaryDirectory() as folder:
        draw_shapes_dataset(Path(folder, "shapes"), num_train=1, num_val=32)
        data = (f"--data_path={folder}", "--dataset=coco", "--coco_root=shapes", "--train_data_type=train",
                "--val_data_type=val", "--classes=" + ",".join(("background", *SHAPE_CLASSES)), "--num_classes=-1",
                "--min_score=0.9", "--use_float16=False")
        checkpoint, model = Path(folder, "start.ckpt"), Path(folder, "model.onnx")
        for name in CONFIGS:
            flags = [f"--config_path=config/{name}", "--device_target=CPU", *data, f"--file_name={model}",
                     f"--checkpoint_file_path={checkpoint}", *argv]
            config = load_config(flags)
            ms.save_checkpoint(build_inference_net(config), str(checkpoint))
            export.main([*flags, "--file_format=ONNX", "--dynamic_batch", "--verify=False"])
            print(config.model_name, flush=True)
            eval_onnx.main([*flags, "--benchmark"])


if __name__ == "__main__":
    main(sys.argv[1:])
