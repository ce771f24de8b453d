"""The network for inference, with the weights and on the device that the configuration names."""
from src.model_utils.device_adapter import set_up_device
from src.ssd import build_inference_net, find_checkpoint, load_weights


def create_loaded_net(config):
    """`build_inference_net` with the weights of `checkpoint_file_path`; sets up the device first."""
    path = find_checkpoint(config.checkpoint_file_path, config.checkpoint_path)
    set_up_device(config.device_target, config.device_id, config.cpu_threads, config.seed)
    net = build_inference_net(config)
    load_weights(net, path)
    return net
