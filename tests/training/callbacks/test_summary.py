"""The summaries at the start and at the end of a run."""
from types import SimpleNamespace

from mindspore import nn

from src.ssd import build_training_net
from src.training.callbacks.summary import EndSummary, describe_run


def test_summary_at_the_start(cpu, config_of):
    config = config_of("ssd300_config.yaml", "--device_target=CPU", "--cpu_threads=2", "--use_ema", "--run_eval=True",
                       "--accumulation_steps=4", "--seed=5")
    text = describe_run(config, build_training_net(config).network, 120, 30, steps=3, num_ranks=2)
    for part in ("ssd300, 80 classes, input 300 x 300, 1917 default boxes",
                 "120 images to train on, 30 to evaluate with",
                 "3 an epoch, each with 32 images on each of 2 ranks, 4 steps for one update; epochs 1 to 500",
                 "CPU, 2 threads", "use_ema: true", "seed:     5", "MindSpore 2.", "million parameters", "GFLOPs"):
        assert part in text
    assert "freeze_layer" not in text


def test_a_backbone_from_nothing_is_said(cpu, config_of):
    line = "weights:  the backbone begins from nothing; feature_extractor_base_param names a pretrained one\n"
    for flag, expected in (("--seed=5", True), ("--feature_extractor_base_param=a.ckpt", False),
                           ("--pre_trained=a.ckpt", False)):
        config = config_of("ssd_mobilenet_v1_300_config_gpu.yaml", flag)
        text = describe_run(config, nn.Conv2d(3, 8, 1), 120, None, steps=3, num_ranks=1)
        assert (line in text) == expected


def test_summary_at_the_end(tmp_path):
    folder = tmp_path / "my out"
    folder.mkdir()
    (folder / "results.csv").touch()
    checkpoints = SimpleNamespace(last=tmp_path / "ssd-9_3.ckpt")
    evaluation = SimpleNamespace(best=(0.25, 7), best_path=tmp_path / "best_map.ckpt")
    summary = EndSummary(folder, checkpoints, evaluation, "ssd300")
    summary.on_train_begin(None)
    text = summary.text()
    assert f"mAP 0.250 after epoch 7, {tmp_path / 'best_map.ckpt'}" in text
    assert f"to see:   {folder / 'results.csv'}\n" in text
    assert (f"python export.py '--config_path={folder / 'config.yaml'}' "
            f"--checkpoint_file_path={tmp_path / 'best_map.ckpt'} --file_format=ONNX") in text
    summary.evaluation = None
    assert f"python eval.py '--config_path={folder / 'config.yaml'}' --checkpoint_file_path={checkpoints.last}" in (
        summary.text())
