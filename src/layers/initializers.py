"""Initial values of parameters."""
from mindspore import nn
from mindspore.common.initializer import HeNormal, Normal, TruncatedNormal, XavierUniform, initializer

KEEP = ("beta", "gamma", "bias")


def init_net_param(network: nn.Cell, sigma: float = 0.02) -> None:
    """Sets all trainable weights to a normal distribution; `beta`, `gamma` and `bias` keep the values of their layers.

    `TruncatedNormal`, as in the original, takes its bounds of -2 and 2 as values, not as standard deviations, so that
    with a small `sigma` it truncates nothing (MindSpore 2.10).
    """
    for parameter in network.trainable_params():
        if not any(part in parameter.name for part in KEEP):
            parameter.set_data(initializer(TruncatedNormal(sigma), parameter.shape, parameter.dtype))


def init_xavier(network: nn.Cell) -> None:
    """Sets the weights of all convolutions to a uniform distribution by the number of their inputs and outputs
    (Glorot and Bengio 2010), as in the original SSD; all other parameters keep the values of their layers."""
    for parameter in network.trainable_params():
        if parameter.ndim == 4:
            parameter.set_data(initializer(XavierUniform(), parameter.shape, parameter.dtype))


def init_fpn_lite(network: nn.Cell) -> None:
    """Sets the weights of all convolutions to a normal distribution by the number of their inputs (He et al. 2015),
    those of the last ones in the head to one with a standard deviation of 0.01; all other parameters keep the values of
    their layers.

    A fixed small standard deviation for all would not do: two convolutions in a row, without BatchNorm between them,
    would make features so small that the epsilon of BatchNorm exceeds their variance.
    """
    last = {layer[-1].weight.name for layer in (*network.multi_box.loc_layers, *network.multi_box.cls_layers)}
    for parameter in network.trainable_params():
        if parameter.ndim == 4:
            values = Normal(0.01) if parameter.name in last else HeNormal(nonlinearity="relu")
            parameter.set_data(initializer(values, parameter.shape, parameter.dtype))
