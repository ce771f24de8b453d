"""Names in other repositories of what a key here is; docs/other_repositories.md has them too."""
# MindCV's training script and its SSD example, and MindSpore: key -> what to use here.
OTHER_NAMES = {
    "data_dir": "mindrecord_dir, which train.py fills from the dataset that data_path and coco_root name",
    "out_path": "mindrecord_dir",
    "ckpt_path": "checkpoint_file_path to evaluate or export, pre_trained to train",
    "pretrained": "pre_trained",
    "backbone_ckpt_path": "feature_extractor_base_param",
    "distribute": "run_distribute",
    "image_size": "img_shape",
    "dataset_sink_mode": "mode_sink",
    "ckpt_save_dir": "output_path",
    "ckpt_save_interval": "save_checkpoint_epochs",
    "val_while_train": "run_eval",
    "val_interval": "eval_interval",
    "val_start_epoch": "eval_start_epoch",
    "min_lr": "lr_end_rate, a fraction of lr",
    "ema": "use_ema",
    "loss_scale_type": "dynamic_loss_scale",
    "gradient_accumulation_steps": "accumulation_steps",
    "clip_grad": "use_global_norm",
    "clip_value": "clip_norm",
}
