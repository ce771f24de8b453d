import pytest

from src.weights.parameter_names import is_training_state


@pytest.mark.parametrize(("name", "expected"), [
    ("moments.network.backbone.conv.weight", True), ("ema.network.backbone.conv.weight", True), ("ema_steps", True),
    ("gradient_sum.network.weight", True), ("gradient_count", True), ("skipped_steps", True), ("global_step", True),
    ("learning_rate", True), ("learning_rate_group_0", True), ("momentum", True), ("loss_scale", True),
    ("network.backbone.conv.weight", False), ("network.backbone.bn.moving_mean", False), ("momentum_network", False),
    ("network.learning_rate", False),
])
def test_state_of_training_is_told_from_weights(name, expected):
    assert is_training_state(name) is expected
