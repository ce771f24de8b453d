import sys
import mindspore
from mindspore import nn
from mindspore.nn import Cell
from mindspore.ops import functional as F
#
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')
from mindspore.nn.cell import Cell
from mindspore.nn.layer.conv import _Conv

class _ConvOpt(_Conv, Cell):

    def __init__(self):
        Cell.__init__(self)
        for key, value in _Conv.__dict__.items():
            if not key.startswith('__'):
                setattr(_ConvOpt, key, value)
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')
from mindspore.nn.layer.normalization import _BatchNorm

class _BatchNormOpt(_BatchNorm, Cell):

    def __init__(self):
        Cell.__init__(self)
        for key, value in _BatchNorm.__dict__.items():
            if not key.startswith('__'):
                setattr(_BatchNormOpt, key, value)
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/ops/auto_generate')
from mindspore.ops.auto_generate.gen_ops_prim import *
from mindspore.ops.auto_generate.pyboost_inner_prim import *
from mindspore.ops.operations.manually_defined.ops_def import *

def cat(tensors, axis=0):
    concat_impl_var = concat_impl(tensors, axis)
    return concat_impl_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/ops/function')

def concat_opt(tensors, axis=0):
    cat_var = cat(tensors, axis)
    return cat_var
#
sys.path.insert(0, '/work/main/src/ssd')
from mindspore import ops

def flatten_predictions(levels, values):
    flat = ()
    for x in levels:
        flat += (ops.reshape(ops.transpose(x, (0, 2, 3, 1)), (x.shape[0], -1, values)),)
    concat_var = concat_opt(flat, axis=1)
    return concat_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')
from mindspore.nn.layer.conv import Conv2d
from mindspore.train.amp import amp_cast

class Conv2dOpt_64(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_63(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')
from src.layers import ConvBNReLU

class ConvBNReLUOpt_43(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_63(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_62(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_42(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_62(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')
from src.layers import InvertedResidual

class InvertedResidualOpt_20(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_42(self.conv[0])
        self.conv[1] = ConvBNReLUOpt_43(self.conv[1])
        self.conv[2] = Conv2dOpt_64(self.conv[2])
        self.conv[3] = BatchNorm2dOpt_52(self.conv[3])
        self.last_relu = ReLU6Opt_35(self.last_relu)

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_61(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_60(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_41(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_60(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_59(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_40(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_59(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')

class InvertedResidualOpt_19(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_40(self.conv[0])
        self.conv[1] = ConvBNReLUOpt_41(self.conv[1])
        self.conv[2] = Conv2dOpt_61(self.conv[2])
        self.conv[3] = BatchNorm2dOpt_52(self.conv[3])
        self.last_relu = ReLU6Opt_35(self.last_relu)

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_58(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_57(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_39(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_57(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_56(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_38(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_56(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')

class InvertedResidualOpt_18(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_38(self.conv[0])
        self.conv[1] = ConvBNReLUOpt_39(self.conv[1])
        self.conv[2] = Conv2dOpt_58(self.conv[2])
        self.conv[3] = BatchNorm2dOpt_52(self.conv[3])
        self.last_relu = ReLU6Opt_35(self.last_relu)

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_55(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_54(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_37(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_54(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_53(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_36(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_53(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')

class InvertedResidualOpt_17(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_36(self.conv[0])
        self.conv[1] = ConvBNReLUOpt_37(self.conv[1])
        self.conv[2] = Conv2dOpt_55(self.conv[2])
        self.conv[3] = BatchNorm2dOpt_52(self.conv[3])
        self.last_relu = ReLU6Opt_35(self.last_relu)

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/main/src/ssd')
from src.ssd.heads import MultiBox

class MultiBoxOpt(MultiBox, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, features):
        locations = ()
        logits = ()
        range_var = range(self.levels)
        for level in range_var:
            locations += (self.multi_loc_layers[level](features[level]),)
            logits += (self.multi_cls_layers[level](features[level]),)
        flatten_predictions_var_1 = flatten_predictions(logits, self.num_classes)
        flatten_predictions_var = flatten_predictions(locations, 4)
        tuple_var = (flatten_predictions_var, flatten_predictions_var_1)
        return tuple_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_51(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_34(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_51(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_50(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_49(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_33(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_49(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_48(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_32(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_48(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')

class InvertedResidualOpt_16(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_32(self.conv[0])
        self.conv[1] = ConvBNReLUOpt_33(self.conv[1])
        self.conv[2] = Conv2dOpt_50(self.conv[2])
        self.conv[3] = BatchNorm2dOpt_52(self.conv[3])

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_47(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_46(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_31(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_46(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_45(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_30(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_45(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')

class InvertedResidualOpt_15(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_30(self.conv[0])
        self.conv[1] = ConvBNReLUOpt_31(self.conv[1])
        self.conv[2] = Conv2dOpt_47(self.conv[2])
        self.conv[3] = BatchNorm2dOpt_52(self.conv[3])

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_44(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_43(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_29(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_43(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_42(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_28(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_42(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')

class InvertedResidualOpt_14(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_28(self.conv[0])
        self.conv[1] = ConvBNReLUOpt_29(self.conv[1])
        self.conv[2] = Conv2dOpt_44(self.conv[2])
        self.conv[3] = BatchNorm2dOpt_52(self.conv[3])

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_41(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_40(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_27(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_40(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_39(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_26(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_39(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')

class InvertedResidualOpt_13(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_26(self.conv[0])
        self.conv[1] = ConvBNReLUOpt_27(self.conv[1])
        self.conv[2] = Conv2dOpt_41(self.conv[2])
        self.conv[3] = BatchNorm2dOpt_52(self.conv[3])

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_38(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_37(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_25(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_37(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_36(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_24(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_36(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')

class InvertedResidualOpt_12(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_24(self.conv[0])
        self.conv[1] = ConvBNReLUOpt_25(self.conv[1])
        self.conv[2] = Conv2dOpt_38(self.conv[2])
        self.conv[3] = BatchNorm2dOpt_52(self.conv[3])

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_35(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_34(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_23(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_34(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_33(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_22(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_33(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')

class InvertedResidualOpt_11(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_22(self.conv[0])
        self.conv[1] = ConvBNReLUOpt_23(self.conv[1])
        self.conv[2] = Conv2dOpt_35(self.conv[2])
        self.conv[3] = BatchNorm2dOpt_52(self.conv[3])

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_32(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_31(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_21(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_31(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_30(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_20(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_30(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')

class InvertedResidualOpt_10(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_20(self.conv[0])
        self.conv[1] = ConvBNReLUOpt_21(self.conv[1])
        self.conv[2] = Conv2dOpt_32(self.conv[2])
        self.conv[3] = BatchNorm2dOpt_52(self.conv[3])

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_29(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_28(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_19(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_28(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_27(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_18(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_27(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')

class InvertedResidualOpt_9(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_18(self.conv[0])
        self.conv[1] = ConvBNReLUOpt_19(self.conv[1])
        self.conv[2] = Conv2dOpt_29(self.conv[2])
        self.conv[3] = BatchNorm2dOpt_52(self.conv[3])

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_26(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_25(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_17(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_25(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_24(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_16(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_24(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')

class InvertedResidualOpt_8(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_16(self.conv[0])
        self.conv[1] = ConvBNReLUOpt_17(self.conv[1])
        self.conv[2] = Conv2dOpt_26(self.conv[2])
        self.conv[3] = BatchNorm2dOpt_52(self.conv[3])

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_23(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_22(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_15(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_22(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_21(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_14(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_21(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')

class InvertedResidualOpt_7(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_14(self.conv[0])
        self.conv[1] = ConvBNReLUOpt_15(self.conv[1])
        self.conv[2] = Conv2dOpt_23(self.conv[2])
        self.conv[3] = BatchNorm2dOpt_52(self.conv[3])

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_20(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_19(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_13(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_19(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_18(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_12(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_18(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')

class InvertedResidualOpt_6(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_12(self.conv[0])
        self.conv[1] = ConvBNReLUOpt_13(self.conv[1])
        self.conv[2] = Conv2dOpt_20(self.conv[2])
        self.conv[3] = BatchNorm2dOpt_52(self.conv[3])

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_17(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_16(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_11(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_16(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_15(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_10(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_15(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')

class InvertedResidualOpt_5(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_10(self.conv[0])
        self.conv[1] = ConvBNReLUOpt_11(self.conv[1])
        self.conv[2] = Conv2dOpt_17(self.conv[2])
        self.conv[3] = BatchNorm2dOpt_52(self.conv[3])

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_14(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_13(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_9(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_13(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_12(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_8(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_12(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')

class InvertedResidualOpt_4(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_8(self.conv[0])
        self.conv[1] = ConvBNReLUOpt_9(self.conv[1])
        self.conv[2] = Conv2dOpt_14(self.conv[2])
        self.conv[3] = BatchNorm2dOpt_52(self.conv[3])

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_11(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_10(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_7(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_10(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_9(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_6(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_9(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')

class InvertedResidualOpt_3(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_6(self.conv[0])
        self.conv[1] = ConvBNReLUOpt_7(self.conv[1])
        self.conv[2] = Conv2dOpt_11(self.conv[2])
        self.conv[3] = BatchNorm2dOpt_52(self.conv[3])

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_8(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_7(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_5(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_7(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_6(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_4(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_6(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')

class InvertedResidualOpt_2(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_4(self.conv[0])
        self.conv[1] = ConvBNReLUOpt_5(self.conv[1])
        self.conv[2] = Conv2dOpt_8(self.conv[2])
        self.conv[3] = BatchNorm2dOpt_52(self.conv[3])

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_5(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_4(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_3(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_4(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_3(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_2(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_3(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')

class InvertedResidualOpt_1(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_2(self.conv[0])
        self.conv[1] = ConvBNReLUOpt_3(self.conv[1])
        self.conv[2] = Conv2dOpt_5(self.conv[2])
        self.conv[3] = BatchNorm2dOpt_52(self.conv[3])

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_2(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_1(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_1(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_1(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')

class InvertedResidualOpt(InvertedResidual, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.conv[0] = ConvBNReLUOpt_1(self.conv[0])
        self.conv[1] = Conv2dOpt_2(self.conv[1])
        self.conv[2] = BatchNorm2dOpt_52(self.conv[2])

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        compare_var = self.last_relu is not None
        if compare_var:
            out = self.last_relu(out)
        return out
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')
from mindspore.nn.layer.activation import ReLU6

class ReLU6Opt_35(ReLU6, Cell):

    def __init__(self, obj):
        Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        relu6_var = self.relu6(x)
        return relu6_var
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')
from mindspore.ops.primitive import _primexpr
from mindspore.nn.layer.normalization import BatchNorm2d

class BatchNorm2dOpt_52(BatchNorm2d, _BatchNormOpt):

    def __init__(self, obj):
        _BatchNormOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self._check_input_dim = obj.__class__._check_input_dim

    @staticmethod
    @_primexpr
    def _check_input_dim(shape, cls_name):
        dim = len(shape)
        _check_dim(dim, 4, cls_name)
#
sys.path.insert(0, '/work/venv/lib/python3.11/site-packages/mindspore/nn/layer')

class Conv2dOpt_52(Conv2d, _ConvOpt):

    def __init__(self, obj):
        _ConvOpt.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)

    def construct(self, x):
        x = amp_cast(x, mindspore.float16)
        weight_var = amp_cast(self.weight, mindspore.float16)
        output = self.conv2d(x, weight_var)
        output = amp_cast(output, mindspore.float32)
        if self.has_bias:
            output_var = amp_cast(output, mindspore.float16)
            bias_var = amp_cast(self.bias, mindspore.float16)
            output = self.bias_add(output_var, bias_var)
            output = amp_cast(output, mindspore.float32)
        return output
#
sys.path.insert(0, '/work/main/src')

class ConvBNReLUOpt_35(ConvBNReLU, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features[0] = Conv2dOpt_52(self.features[0])
        self.features[1] = BatchNorm2dOpt_52(self.features[1])
        self.features[2] = ReLU6Opt_35(self.features[2])

    def construct(self, x):
        features_var = self.features(x)
        return features_var
#
sys.path.insert(0, '/work/main/src')
from src.mobilenet_v2 import MobileNetV2

class MobileNetV2Opt(MobileNetV2, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.features_1[0] = ConvBNReLUOpt(self.features_1[0])
        self.features_1[1] = InvertedResidualOpt(self.features_1[1])
        self.features_1[2] = InvertedResidualOpt_1(self.features_1[2])
        self.features_1[3] = InvertedResidualOpt_2(self.features_1[3])
        self.features_1[4] = InvertedResidualOpt_3(self.features_1[4])
        self.features_1[5] = InvertedResidualOpt_4(self.features_1[5])
        self.features_1[6] = InvertedResidualOpt_5(self.features_1[6])
        self.features_1[7] = InvertedResidualOpt_6(self.features_1[7])
        self.features_1[8] = InvertedResidualOpt_7(self.features_1[8])
        self.features_1[9] = InvertedResidualOpt_8(self.features_1[9])
        self.features_1[10] = InvertedResidualOpt_9(self.features_1[10])
        self.features_1[11] = InvertedResidualOpt_10(self.features_1[11])
        self.features_1[12] = InvertedResidualOpt_11(self.features_1[12])
        self.features_1[13] = InvertedResidualOpt_12(self.features_1[13])
        self.features_2[0] = InvertedResidualOpt_13(self.features_2[0])
        self.features_2[1] = InvertedResidualOpt_14(self.features_2[1])
        self.features_2[2] = InvertedResidualOpt_15(self.features_2[2])
        self.features_2[3] = InvertedResidualOpt_16(self.features_2[3])
        self.features_2[4] = ConvBNReLUOpt_34(self.features_2[4])
        self.expand_layer_conv_13 = ConvBNReLUOpt_35(self.expand_layer_conv_13)
        self.__class__.out_channels = obj.__class__.out_channels

    def construct(self, x):
        stride_16 = self.features_1(x)
        stride_32 = self.features_2(stride_16)
        expand_layer_conv_13_var = self.expand_layer_conv_13(stride_16)
        tuple_var = (expand_layer_conv_13_var, stride_32)
        return tuple_var
#
sys.path.insert(0, '/work/main/src/ssd')
from src.ssd.detectors import SSDMobileNetV2

class SSDMobileNetV2Opt(SSDMobileNetV2, nn.Cell):

    def __init__(self, obj):
        nn.Cell.__init__(self)
        for key, value in obj.__dict__.items():
            setattr(self, key, value)
        self.backbone = MobileNetV2Opt(self.backbone)
        self.multi_residual[0] = InvertedResidualOpt_17(self.multi_residual[0])
        self.multi_residual[1] = InvertedResidualOpt_18(self.multi_residual[1])
        self.multi_residual[2] = InvertedResidualOpt_19(self.multi_residual[2])
        self.multi_residual[3] = InvertedResidualOpt_20(self.multi_residual[3])
        self.multi_box = MultiBoxOpt(self.multi_box)

    def construct(self, x):
        features = self.backbone(x)
        self_multi_residual = self.multi_residual
        for layer in self_multi_residual:
            features += (layer(features[-1]),)
        multi_box_var = self.multi_box(features)
        return multi_box_var
#