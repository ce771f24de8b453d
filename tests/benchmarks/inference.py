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


def export_untrained(flags, folder, *options):
    """Path of an ONNX file of the detector that the flags configure, with the weights of the start of a training."""
    import mindspore as ms

    import export
    from src.config import load_config
    from src.ssd import build_inference_net

    checkpoint, model = Path(folder, "start.ckpt"), Path(folder, "model.onnx")
    ms.save_checkpoint(build_inference_net(load_config([*flags, "--device_target=CPU"])), str(checkpoint))
    export.main([*flags, "--device_target=CPU", f"--file_name={model}", f"--checkpoint_file_path={checkpoint}",
                 "--file_format=ONNX", "--verify=False", *options])
    return model


def main(argv):
    import eval_onnx
    from src.config import load_config
    from src.dataset.shapes import SHAPE_CLASSES, draw_shapes_dataset

    with tempfile.TemporaryDirectory() as folder:
        draw_shapes_dataset(Path(folder, "shapes"), num_train=1, num_val=32)
        data = (f"--data_path={folder}", "--dataset=coco", "--coco_root=shapes", "--train_data_type=train",
                "--val_data_type=val", "--classes=" + ",".join(("background", *SHAPE_CLASSES)), "--num_classes=-1",
                "--min_score=0.9", "--use_float16=False")
        for name in CONFIGS:
            flags = [f"--config_path=config/{name}", "--device_target=CPU", *data, *argv]
            model = export_untrained(flags, folder, "--dynamic_batch")
            print(load_config(flags).model_name, flush=True)
            eval_onnx.main([*flags, f"--file_name={model}", "--benchmark"])


if __name__ == "__main__":
    main(sys.argv[1:])
