"""Names that keys have in other repositories; docs/other_repositories.md has them too."""
# Of the Model Zoo's README and its earlier versions, of MindCV's training script and its SSD example, and of MindSpore:
# key -> what to use here.
OTHER_NAMES = {
    "class_num": "num_classes",
    "using_model": "model_name",
    "ckpt_file": "checkpoint_file_path",
    "run_platform": "device_target",
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
    "eval_while_train": "run_eval",
    "val_interval": "eval_interval",
    "val_start_epoch": "eval_start_epoch",
    "min_lr": "lr_end_rate, a fraction of lr",
    "ema": "use_ema",
    "loss_scale_type": "dynamic_loss_scale",
    "gradient_accumulation_steps": "accumulation_steps",
    "clip_grad": "use_global_norm",
    "clip_value": "clip_norm",
    "c": "config_path",
    "use_fpn": "model_name, ssd_mindcv_fpn in place of ssd_mindcv",
}
# Key -> why there is none here.
NOT_NEEDED = {
    "mode": "networks are always compiled as graphs",
    "shuffle": "training always shuffles, evaluation never",
    "drop_remainder": "training leaves an incomplete last batch out, evaluation does not",
    "backbone_features_only": "a backbone always gives its features",
    "backbone_ckpt_auto_mapping": "the names of a backbone's parameters are always mapped",
}
