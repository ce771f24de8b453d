"""Kernels that read or write bfloat16 against float64, called without MindSpore, for each kind of products."""
import functools

import numpy as np
import pytest

from tests.cpu_kernels.reference import (
    CONVOLUTIONS,
    DEPTHWISE_SIZES,
    call_kernel,
    convolve,
    draw,
    from_bfloat16,
    padding_of,
    rounded,
    to_bfloat16,
)

KINDS = {"twin": 0, "AVX512_BF16": 1, "AMX": 2}
HALF_STEP = 2.0**-8  # relative rounding error of a number of bfloat16, at most
SUMS = 2e-5  # of float32, relative to the largest result
LARGE_TILES = 5e-4  # the same of Winograd's algorithm with tiles of 8 x 8: an eighth of HALF_STEP


@pytest.fixture(params=KINDS)
def kind(request, library):
    if not library.set_bfloat16_kind(KINDS[request.param]):
        pytest.skip(f"this processor has no {request.param}")
    yield request.param
    library.set_bfloat16_kind(0)


@pytest.fixture
def kernels(library):
    return functools.partial(call_kernel, library)


# types of the input and of the result of a layer
TYPES_OF_LAYERS = [(np.float32, np.uint16), (np.uint16, np.float32), (np.uint16, np.uint16)]


def given(array, kind):
    return to_bfloat16(array) if kind is np.uint16 else array


def close(found, expected, sums=SUMS):
    """Whether results are those of rounded inputs; `found` as uint16 may be off by its own rounding."""
    own = np.zeros_like(expected)
    if found.dtype == np.uint16:
        found, own = from_bfloat16(found), HALF_STEP * np.abs(expected)
    assert np.isfinite(found).all()
    assert (np.abs(found - expected) <= own * (1 + HALF_STEP) + sums * np.abs(expected).max()).all()


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_convolution(kernels, kind, case):
    batch, in_channels, channels, height, width, kernel, stride, dilation, padding = case
    rng = np.random.default_rng(0)
    x, weight = (rounded(draw(rng, *shape)) for shape in (
        (batch, in_channels, height, width), (channels, in_channels, kernel, kernel)))
    bias, settings = draw(rng, channels), np.array([stride, dilation, padding], np.int32)
    expected = convolve(x, weight, stride, dilation, padding)
    dy = rounded(draw(rng, *expected.shape))
    dx, dw = convolve(x, weight, stride, dilation, padding, dy)
    fits_winograd = (kernel, stride, dilation) == (3, 1, 1) and min(in_channels, channels) >= 32
    sums = LARGE_TILES if fits_winograd and kind != "AMX" and width > 38 else SUMS
    for x_type, y_type in ((np.float32, np.float32), *TYPES_OF_LAYERS):
        values, gradient = given(x, x_type), given(dy, y_type)
        close(kernels("bfloat16_convolution", [settings, values, weight], [expected.shape], [y_type])[0], expected,
              sums)
        close(kernels("bfloat16_convolution", [settings, values, weight, bias], [expected.shape], [y_type])[0],
              expected + bias[:, None, None], sums)
        close(kernels("bfloat16_convolution_input_gradient", [settings, gradient, weight, values], [x.shape],
                      [x_type])[0], dx, sums)
        close(kernels("bfloat16_convolution_weight_gradient", [settings, gradient, values, weight],
                      [weight.shape])[0], dw, sums)
    close(kernels("convolution_bias_gradient", [to_bfloat16(dy)], [(channels,)])[0],
          dy.astype(np.float64).sum((0, 2, 3)))


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", ["same", "symmetric"])
def test_depthwise(kernels, kernel, stride, padding):
    settings = np.array([stride, 1, -1 if padding == "same" else kernel // 2], np.int32)
    rng = np.random.default_rng(0)
    for number, (height, width) in enumerate(DEPTHWISE_SIZES):
        x, weight = rounded(draw(rng, 3, 5, height, width)), rounded(draw(rng, 5, 1, kernel, kernel))
        expected = convolve(x, weight, stride, 1, settings[2])
        dy = rounded(draw(rng, *expected.shape))
        x_type, y_type = TYPES_OF_LAYERS[number % 3]
        close(kernels("depthwise", [settings, given(x, x_type), weight], [expected.shape], [y_type])[0], expected)
        found = kernels("depthwise_gradients", [settings, given(dy, y_type), given(x, x_type), weight],
                        [x.shape, weight.shape], [x_type])
        for one, other in zip(found, convolve(x, weight, stride, 1, settings[2], dy)):
            close(one, other)


@pytest.mark.parametrize("activation", [0, 1, 2])
@pytest.mark.parametrize("shape", [(16, 3, 1, 1), (2, 5, 3, 3), (4, 33, 19, 19), (3, 2, 75, 150)])
def test_batch_norm(kernels, shape, activation):
    """Against the kernels for float32."""
    rng, channels = np.random.default_rng(0), (shape[1],)
    x, dy = rounded(draw(rng, *shape) + 3 * draw(rng, shape[1], 1, 1)), rounded(draw(rng, *shape))
    gamma, beta, mean, variance = (draw(rng, *channels) for _ in range(4))
    settings, variance = np.array([1e-3, 0.1, activation], np.float32), variance**2 + 0.5

    def run(x_type, y_type):
        moving = mean.copy(), variance.copy()
        values, gradient = given(x, x_type), given(dy, y_type)
        y, means, deviations = kernels("batch_norm", [settings, values, gamma, beta, *moving],
                                       [shape, channels, channels], [y_type])
        gradients = kernels("batch_norm_gradients", [settings, gradient, values, gamma, beta, means, deviations],
                            [shape, channels, channels], [x_type])
        frozen = [settings, gradient, values, gamma, beta, mean, variance]
        return [y, means, deviations, *moving, *gradients,
                *kernels("batch_norm_inference", [settings, *frozen[2:]], [shape], [y_type]),
                *kernels("batch_norm_inference_gradients", frozen, [shape, channels, channels], [x_type])]

    reference = [array.astype(np.float64) for array in run(np.float32, np.float32)]
    for types in TYPES_OF_LAYERS:
        for found, expected in zip(run(*types), reference):
            close(found, expected)


@pytest.mark.parametrize("kind", [np.float32, np.uint16])
def test_batch_norm_of_a_result_that_passes_the_caches(kernels, kind):
    """At least 16 MB, in planes that do not begin where a vector does."""
    rng, shape = np.random.default_rng(0), (1, 2, 2100, 2101)
    x, channels = rounded(draw(rng, *shape)), np.array([0.5, 2.0], np.float32)
    settings = np.array([0.0, 0.1, 1], np.float32)
    found = kernels("batch_norm_inference", [settings, given(x, kind), channels, channels, -channels, channels**2],
                    [shape], [kind])[0]
    close(found, np.maximum(x.astype(np.float64) + 2 * channels[:, None, None], 0))


@pytest.mark.parametrize(("x_type", "y_type"), TYPES_OF_LAYERS)
def test_relu(kernels, x_type, y_type):
    x, dy = (rounded(array) for array in draw(np.random.default_rng(0), 2, 3, 107, 131))
    y = kernels("relu", [given(x, x_type)], [x.shape], [y_type])[0]
    np.testing.assert_array_equal(y, given(np.maximum(x, 0), y_type))
    found = kernels("relu_gradient", [given(dy, y_type), y, given(x, x_type)], [x.shape], [x_type])[0]
    np.testing.assert_array_equal(found, given(np.where(x > 0, dy, 0).astype(np.float32), x_type))


@pytest.mark.parametrize(("size", "stride", "same"), [(2, 2, 1), (3, 1, 1), (3, 2, 0)])
def test_max_pool(kernels, size, stride, same):
    rng, settings = np.random.default_rng(0), np.array([size, stride, same], np.int32)
    for height, width in ((3, 3), (10, 7), (75, 40)):
        x = rounded(draw(rng, 2, 3, height, width))
        shape = (2, 3, *(padding_of(pixels, size, stride, 1, -1 if same else 0)[2] for pixels in (height, width)))
        dy = rounded(draw(rng, *shape))
        y, dx = (kernels(name, [settings, *arrays], [result])[0] for name, arrays, result in (
            ("max_pool", [x], shape), ("max_pool_gradient", [dy, x], x.shape)))
        found = kernels("max_pool", [settings, to_bfloat16(x)], [shape], [np.uint16])[0]
        np.testing.assert_array_equal(found, to_bfloat16(y))
        close(kernels("max_pool_gradient", [settings, to_bfloat16(dy), to_bfloat16(x)], [x.shape], [np.uint16])[0],
              dx.astype(np.float64))


def test_not_a_number_stays_one(kernels, kind):
    """Rounding must not make infinity of it, which the next activation would cut to a number."""
    settings, x = np.array([1, 1, -1], np.int32), np.ones((1, 2, 4, 40), np.float32)
    x.view(np.uint32)[0, 1, 2, 3] = 0x7F800001  # whose upper half is infinity
    x[0, 0, 3, 39] = -np.inf
    weight = np.ones((3, 2, 1, 1), np.float32)
    found = from_bfloat16(kernels("bfloat16_convolution", [settings, x, weight], [(1, 3, 4, 40)], [np.uint16])[0])
    expected = np.full((1, 3, 4, 40), 2.0)
    expected[..., 2, 3], expected[..., 3, 39] = np.nan, -np.inf
    np.testing.assert_array_equal(found, expected)


def test_the_same_with_any_number_of_threads(library, kernels, kind):
    rng, settings = np.random.default_rng(0), np.array([1, 1, -1], np.int32)
    x, weight, dy = draw(rng, 3, 24, 40, 38), draw(rng, 40, 24, 3, 3), draw(rng, 3, 40, 40, 38)
    results = []
    for threads in (1, 3, 3):
        library.set_threads(threads)
        results.append([*kernels("bfloat16_convolution", [settings, x, weight], [dy.shape]),
                        *kernels("bfloat16_convolution_input_gradient", [settings, dy, weight, x], [x.shape]),
                        *kernels("bfloat16_convolution_weight_gradient", [settings, dy, x, weight], [weight.shape])])
    for others in results[1:]:
        for first, other in zip(results[0], others):
            np.testing.assert_array_equal(first, other)
