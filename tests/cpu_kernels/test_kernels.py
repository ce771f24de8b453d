"""The kernels against the cells of `nn` that they replace: forward and gradients, called without MindSpore."""
import ctypes

import numpy as np
import pytest

from src.cpu_kernels.library import BuildError, build_library, set_threads

TOLERANCE = 1e-5  # relative to the largest value


@pytest.fixture(scope="module")
def kernels():
    """Function: name of a kernel, its inputs, shapes of its results -> results; on three threads."""
    try:
        path = build_library()
    except BuildError as error:
        pytest.skip(str(error))
    set_threads(path, 3)
    library = ctypes.CDLL(str(path))

    def call(name, inputs, shapes):
        arrays = [np.ascontiguousarray(array) for array in inputs]
        results = [np.full(shape, np.nan, np.float32) for shape in shapes]
        both = arrays + results
        count = len(both)
        data = (ctypes.c_void_p * count)(*[array.ctypes.data for array in both])
        ranks = (ctypes.c_int * count)(*[array.ndim for array in both])
        rows = [(ctypes.c_int64 * array.ndim)(*array.shape) for array in both]
        pointer = ctypes.POINTER(ctypes.c_int64)
        sizes = (pointer * count)(*[ctypes.cast(row, pointer) for row in rows])
        assert getattr(library, name)(count, data, ranks, sizes, None, None, None) == 0
        return results

    return call


def draw(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * np.abs(expected).max())


def padding_of(size, kernel, stride, dilation, padding):
    """Pixels before and after, and the size of the result."""
    reach = dilation * (kernel - 1) + 1
    if padding == -1:
        out = -(-size // stride)
        total = max(0, (out - 1) * stride + reach - size)
        return total // 2, total - total // 2, out
    return padding, padding, (size + 2 * padding - reach) // stride + 1


def convolve(x, weight, stride, dilation, padding, dy=None):
    """Convolution in float64, or with `dy` its gradients; depthwise where the weight has one input channel of many."""
    top, bottom, height = padding_of(x.shape[2], weight.shape[2], stride, dilation, padding)
    left, right, width = padding_of(x.shape[3], weight.shape[3], stride, dilation, padding)
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (top, bottom), (left, right)))
    depthwise = weight.shape[1] == 1 and x.shape[1] > 1
    forward, to_source, to_weight = (("bchw,c->bchw", "bchw,c->bchw", "bchw,bchw->c") if depthwise
                                     else ("bchw,oc->bohw", "bohw,oc->bchw", "bohw,bchw->oc"))
    y = np.zeros((x.shape[0], weight.shape[0], height, width))
    dx, dw = np.zeros_like(padded), np.zeros(weight.shape)
    for row in range(weight.shape[2]):
        for column in range(weight.shape[3]):
            rows = slice(row * dilation, row * dilation + (height - 1) * stride + 1, stride)
            columns = slice(column * dilation, column * dilation + (width - 1) * stride + 1, stride)
            tap = weight[:, 0, row, column] if depthwise else weight[:, :, row, column]
            tap = tap.astype(np.float64)
            seen = padded[:, :, rows, columns]
            if dy is None:
                y += np.einsum(forward, seen, tap, optimize=True)
            else:
                dx[:, :, rows, columns] += np.einsum(to_source, dy, tap, optimize=True)
                of_tap = np.einsum(to_weight, dy, seen, optimize=True)
                if depthwise:
                    dw[:, 0, row, column] = of_tap
                else:
                    dw[:, :, row, column] = of_tap
    if dy is None:
        return y
    return dx[:, :, top : top + x.shape[2], left : left + x.shape[3]], dw


# batch, input and output channels, height, width, kernel, stride, dilation, padding (-1: same)
CONVOLUTIONS = [
    (1, 1, 1, 1, 1, 1, 1, 1, -1),
    (16, 40, 20, 1, 1, 3, 1, 1, -1),
    (2, 3, 32, 31, 30, 3, 2, 1, -1),  # stem
    (1, 3, 8, 150, 149, 7, 2, 1, -1),
    (3, 17, 33, 10, 11, 1, 1, 1, -1),
    (2, 9, 7, 8, 9, 1, 2, 1, -1),
    (2, 6, 5, 4, 4, 1, 1, 1, 1),  # 1 x 1 with padding, as in the extra layers of VGG16
    (2, 16, 24, 9, 10, 3, 2, 1, 0),
    (1, 300, 13, 19, 19, 3, 1, 6, 6),  # more than one block of products, dilated
    (1, 8, 70, 150, 75, 1, 1, 1, -1),
    (1, 8, 12, 5, 150, 5, 1, 1, -1),
    (2, 32, 33, 17, 38, 3, 1, 1, -1),  # Winograd's algorithm from here on
    (3, 40, 64, 15, 14, 3, 1, 1, 1),
    (1, 64, 50, 23, 150, 3, 1, 1, -1),
    (1, 33, 40, 75, 16, 3, 1, 1, 0),
    (16, 100, 32, 5, 7, 3, 1, 1, -1),
]


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


DEPTHWISE_SIZES = [(1, 1), (2, 3), (3, 2), (5, 1), (10, 10), (19, 19), (15, 16), (16, 17), (33, 32), (38, 75), (75, 38),
                   (150, 2), (149, 150)]


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
