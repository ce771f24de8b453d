"""The kernels against the cells of `nn` that they replace: forward and gradients, called without MindSpore."""
import functools

import numpy as np
import pytest

from tests.cpu_kernels.reference import CONVOLUTIONS, DEPTHWISE_SIZES, call_kernel, convolve, draw, padding_of

TOLERANCE = 1e-5  # relative to the largest value


@pytest.fixture(scope="module")
def kernels(library):
    """Function: name of a kernel, its inputs, shapes of its results -> results; on three threads."""
    return functools.partial(call_kernel, library)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * np.abs(expected).max())


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_convolution(kernels, case):
    batch, in_channels, channels, height, width, kernel, stride, dilation, padding = case
    rng = np.random.default_rng(0)
    x, weight = draw(rng, batch, in_channels, height, width), draw(rng, channels, in_channels, kernel, kernel)
    bias = draw(rng, channels)
    settings = np.array([stride, dilation, padding], np.int32)
    expected = convolve(x, weight, stride, dilation, padding)
    dy = draw(rng, *expected.shape)
    dx, dw = convolve(x, weight, stride, dilation, padding, dy)
    close(kernels("convolution", [settings, x, weight], [expected.shape])[0], expected)
    close(kernels("convolution", [settings, x, weight, bias], [expected.shape])[0], expected + bias[:, None, None])
    close(kernels("convolution_input_gradient", [settings, dy, weight, x], [x.shape])[0], dx)
    close(kernels("convolution_weight_gradient", [settings, dy, x, weight], [weight.shape])[0], dw)
    close(kernels("convolution_bias_gradient", [dy], [(channels,)])[0], dy.astype(np.float64).sum((0, 2, 3)))


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", ["same", "symmetric"])
def test_depthwise(kernels, kernel, stride, padding):
    padding = -1 if padding == "same" else kernel // 2
    rng = np.random.default_rng(0)
    for number, (height, width) in enumerate(DEPTHWISE_SIZES):
        batch, channels = (16, 2) if number % 3 == 0 else (1, 11) if number % 3 == 1 else (3, 2)
        x, weight = draw(rng, batch, channels, height, width), draw(rng, channels, 1, kernel, kernel)
        settings = np.array([stride, 1, padding], np.int32)
        expected = convolve(x, weight, stride, 1, padding)
        dy = draw(rng, *expected.shape)
        found = kernels("depthwise_gradients", [settings, dy, x, weight], [x.shape, weight.shape])
        close(kernels("depthwise", [settings, x, weight], [expected.shape])[0], expected)
        for one, other in zip(found, convolve(x, weight, stride, 1, padding, dy)):
            close(one, other)


@pytest.mark.parametrize("activation", [0, 1, 2])
@pytest.mark.parametrize("shape", [(16, 3, 1, 1), (2, 5, 3, 3), (4, 33, 19, 19), (3, 2, 75, 150)])
def test_batch_norm(kernels, shape, activation):
    rng = np.random.default_rng(0)
    epsilon, part, channels = 1e-3, 0.1, shape[1]
    x = draw(rng, *shape) * 4 + 30 * draw(rng, channels, 1, 1)  # means far from zero
    dy = draw(rng, *shape)
    gamma, beta, mean, variance = draw(rng, channels), draw(rng, channels) + 1, draw(rng, channels), np.ones(channels)
    variance = variance.astype(np.float32)
    settings = np.array([epsilon, part, activation], np.float32)

    exact, count = x.astype(np.float64), x.size // channels
    batch_mean, batch_variance = exact.mean((0, 2, 3)), exact.var((0, 2, 3))

    def act(value):
        return value if activation == 0 else np.clip(value, 0, np.inf if activation == 1 else 6)

    def normalised(means, variances):
        hat = (exact - means[:, None, None]) / np.sqrt(variances + epsilon)[:, None, None]
        return hat, hat * gamma[:, None, None] + beta[:, None, None]

    at_rest = kernels("batch_norm_inference", [settings, x, gamma, beta, mean, variance], [shape])[0]
    hat, linear = normalised(mean, variance)
    close(at_rest, act(linear))
    passed = dy * (act(linear) == linear)
    found = kernels("batch_norm_inference_gradients", [settings, dy, x, gamma, beta, mean, variance],
                    [shape, (channels,), (channels,)])
    close(found[0], (gamma / np.sqrt(variance + epsilon))[:, None, None] * passed)
    close(found[1], (passed * hat).sum((0, 2, 3)))
    close(found[2], passed.sum((0, 2, 3)))

    moving = mean.copy(), variance.copy()
    y, found_mean, deviation = kernels("batch_norm", [settings, x, gamma, beta, *moving],
                                       [shape, (channels,), (channels,)])
    hat, linear = normalised(batch_mean, batch_variance)
    close(y, act(linear))
    close(moving[0], mean + part * (batch_mean - mean))
    close(moving[1], variance + part * (batch_variance * count / (count - 1) - variance))

    passed = dy * (act(linear) == linear)
    average = passed.mean((0, 2, 3), keepdims=True)
    slope = (passed * hat).mean((0, 2, 3), keepdims=True)
    expected = (gamma / np.sqrt(batch_variance + epsilon))[:, None, None] * (passed - average - hat * slope)
    dx, dgamma, dbeta = kernels("batch_norm_gradients", [settings, dy, x, gamma, beta, found_mean, deviation],
                                [shape, (channels,), (channels,)])
    close(dx, expected)
    close(dgamma, (passed * hat).sum((0, 2, 3)))
    close(dbeta, passed.sum((0, 2, 3)))


@pytest.mark.parametrize(("size", "stride", "same"), [(2, 2, 1), (3, 1, 1), (3, 2, 1), (3, 2, 0)])
def test_max_pool(kernels, size, stride, same):
    rng = np.random.default_rng(0)
    for height, width in ((3, 3), (10, 7), (75, 150)):
        x = rng.permutation(2 * 3 * height * width).reshape(2, 3, height, width).astype(np.float32)
        settings = np.array([size, stride, same], np.int32)
        tops = [padding_of(pixels, size, stride, 1, -1 if same else 0) for pixels in (height, width)]
        padded = np.pad(x, ((0, 0), (0, 0), tops[0][:2], tops[1][:2]), constant_values=-1)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), (2, 3))[:, :, ::stride, ::stride]
        expected = windows.max((4, 5))
        np.testing.assert_array_equal(kernels("max_pool", [settings, x], [expected.shape])[0], expected)
        dy = draw(rng, *expected.shape)
        by_value = np.bincount(expected.astype(int).ravel(), dy.ravel(), x.size)  # all values differ
        close(kernels("max_pool_gradient", [settings, dy, x], [x.shape])[0], by_value[x.astype(int)])


def test_relu(kernels):
    x, dy = draw(np.random.default_rng(0), 2, 2, 3, 107, 131)
    x[0, 0, 0, :2] = np.nan, 0
    y = kernels("relu", [x], [x.shape])[0]
    np.testing.assert_array_equal(y, np.maximum(x, 0))
    np.testing.assert_array_equal(kernels("relu_gradient", [dy, y, x], [x.shape])[0], np.where(x > 0, dy, 0))


def focal_loss(logits, labels, gamma, alpha):
    """Losses `(B,)` and their gradients `(B, A, C)` in float64."""
    x = logits.astype(np.float64)
    truth = labels[:, :, None] == np.arange(x.shape[-1])
    miss = 1 / (1 + np.exp(np.where(truth, x, -x)))
    entropy = np.logaddexp(0, np.where(truth, -x, x))
    weight = np.where(truth, alpha, 1 - alpha) * miss**gamma
    slope = weight * (gamma * (1 - miss) * entropy + miss)
    return (weight * entropy).sum((1, 2)), np.where(truth, -slope, slope)


@pytest.mark.parametrize("gamma", [2.0, 1.5, 0.0])
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 15, 2), (3, 530, 81), (16, 1100, 4)])
def test_focal_loss(kernels, shape, gamma):
    rng = np.random.default_rng(0)
    logits, settings = 5 * draw(rng, *shape), np.array([gamma, 0.75], np.float32)
    logits[0, 0, 0], logits[-1, -1, -1] = 200, -200
    labels = rng.integers(-1, shape[2] + 1, shape[:2]).astype(np.int32)  # from -1 to C
    dlosses = draw(rng, shape[0])
    losses, slopes = focal_loss(logits, labels, gamma, 0.75)
    np.testing.assert_allclose(kernels("focal_loss", [settings, logits, labels], [losses.shape])[0], losses, rtol=1e-6)
    found = kernels("focal_loss_gradient", [settings, dlosses, logits, labels], [shape])[0]
    close(found, slopes * dlosses[:, None, None])


def test_focal_loss_of_logits_that_are_no_numbers(kernels):
    logits, labels = np.zeros((3, 40, 7), np.float32), np.ones((3, 40), np.int32)
    logits[0, 21, 5], logits[2, 3, 1] = np.nan, np.inf
    settings = np.array([2, 0.75], np.float32)
    losses = kernels("focal_loss", [settings, logits, labels], [(3,)])[0]
    np.testing.assert_array_equal(np.isfinite(losses), [False, True, True])
    logits[2, 3, 0] = np.inf
    assert kernels("focal_loss", [settings, logits, labels], [(3,)])[0][2] == np.inf


@pytest.mark.parametrize("case", [(2, 40, 40, 30, 30, 3), (4, 20, 24, 38, 38, 1)])
def test_the_same_again(kernels, case):
    batch, in_channels, channels, height, width, kernel = case
    rng = np.random.default_rng(0)
    x, weight = draw(rng, batch, in_channels, height, width), draw(rng, channels, in_channels, kernel, kernel)
    dy, settings = draw(rng, batch, channels, height, width), np.array([1, 1, -1], np.int32)
    first, *others = [kernels("convolution_weight_gradient", [settings, dy, x, weight], [weight.shape])[0]
                      for _ in range(5)]
    for other in others:
        np.testing.assert_array_equal(first, other)
