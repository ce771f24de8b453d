"""Initial values of parameters."""
from mindspore.common.initializer import TruncatedNormal, XavierUniform, initializer

KEEP = ("beta", "gamma", "bias")


def init_net_param(network, sigma=0.02):
    """Sets all trainable weights to a truncated normal; `beta`, `gamma` and `bias` keep what their layers gave."""
    for parameter in network.trainable_params():
        if not any(part in parameter.name for part in KEEP):
            parameter.set_data(initializer(TruncatedNormal(sigma), parameter.shape, parameter.dtype))


def init_xavier(network):
    """Sets the weights of all convolutions to a uniform distribution by the number of their inputs and outputs
    (Glorot and Bengio 2010), as the original SSD; all other parameters keep what their layers gave."""
    for parameter in network.trainable_params():
        if parameter.ndim == 4:
            parameter.set_data(initializer(XavierUniform(), parameter.shape, parameter.dtype))
