"""Initial values of parameters."""
from mindspore.common.initializer import TruncatedNormal, initializer

KEEP = ("beta", "gamma", "bias")


def init_net_param(network, sigma=0.02):
    """Sets all trainable weights to a truncated normal; `beta`, `gamma` and `bias` keep what their layers gave."""
    for parameter in network.trainable_params():
        if not any(part in parameter.name for part in KEEP):
            parameter.set_data(initializer(TruncatedNormal(sigma), parameter.shape, parameter.dtype))
