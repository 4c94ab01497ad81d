from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, pad
from torch.utils.flop_counter import FlopCounterMode

from vimae_bench.plugin import ModelSpec
from vimae_builtin.architectures.conv import Conv

FRAMES = {28: ModelSpec((1, 28, 28), 8), 32: ModelSpec((3, 32, 32), 64, "sym"), 64: ModelSpec((3, 64, 64), 64, "sym")}


def parameters(*modules: nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


def multiply_adds(module: nn.Module, x: torch.Tensor) -> float:
    with FlopCounterMode(display=False) as counter:
        module(x)
    return counter.get_total_flops() / 2


@pytest.mark.parametrize(
    ("size", "width", "expected"),
    [
        (28, 1024, 21_994_377), (32, 1024, 35_761_219), (64, 1024, 39_742_531),
        (28, 256, 1_468_137), (32, 256, 2_489_155),
        (28, 128, 398_201), (32, 128, 707_011), (64, 128, 1_204_675),
        (28, 64, 115_137), (32, 64, 219_139), (64, 64, 467_971),
    ],
)  # fmt: skip
def test_has_the_published_number_of_parameters(size, width, expected):
    net = Conv(width)
    with torch.device("meta"):
        assert parameters(net.encoder(FRAMES[size], 1), net.decoder(FRAMES[size])) == expected


@pytest.mark.parametrize(("size", "expected"), [(28, 22_027_153), (32, 36_023_427), (64, 40_791_171)])
def test_a_second_head_adds_its_weights_alone(size, expected):
    with torch.device("meta"):
        assert parameters(Conv().encoder(FRAMES[size], 2), Conv().decoder(FRAMES[size])) == expected


@pytest.mark.parametrize(
    ("size", "width", "encoder", "decoder"),
    [
        (28, 1024, 93_233_152, 825_696_256),
        (32, 1024, 160_006_144, 640_024_576),
        (64, 1024, 640_024_576, 2_560_098_304),
        (28, 64, 389_632, 3_437_056),
    ],
)
def test_costs_the_published_number_of_multiply_adds(size, width, encoder, decoder):
    spec = FRAMES[size]
    with torch.device("meta"):
        assert multiply_adds(Conv(width).encoder(spec, 1), torch.empty(1, *spec.shape)) == encoder
        assert multiply_adds(Conv(width).decoder(spec), torch.empty(1, spec.latent)) == decoder


@pytest.mark.parametrize(
    ("size", "width", "millions"),
    [
        (28, 1024, 918.93), (32, 1024, 800.03), (64, 1024, 3200.12),
        (28, 256, 58.2), (32, 256, 52.6),
        (28, 128, 14.8), (32, 128, 14.0), (64, 128, 56.0),
        (28, 64, 3.83), (32, 64, 3.92), (64, 64, 15.7),
    ],
)  # fmt: skip
def test_a_second_head_costs_its_weights_alone(size, width, millions):
    """Of both nets together: the published millions of multiply-adds, and one more for each weight of the head."""
    spec, net = FRAMES[size], Conv(width)
    x, z = torch.empty(1, *spec.shape, device="meta"), torch.empty(1, spec.latent, device="meta")
    with torch.device("meta"):
        decoder = multiply_adds(net.decoder(spec), z)
        one, two = (multiply_adds(net.encoder(spec, heads), x) + decoder for heads in (1, 2))
    assert one / 1e6 == pytest.approx(millions, abs=0.05 if millions > 10 and millions < 100 else 0.005)
    flattened = width * {28: 2, 32: 2, 64: 4}[size] ** 2
    assert two - one == flattened * spec.latent


LAYERS = {  # weights, biases and batch norm of each stage
    28: ([2_432, 525_056, 2_098_688, 8_391_680, 32_776], [451_584, 8_390_144, 2_097_920, 4_097]),
    32: ([9_984, 819_968, 3_278_336, 13_110_272, 262_208], [1_064_960, 13_108_736, 3_277_568, 819_584, 9_603]),
    64: ([9_984, 819_968, 3_278_336, 13_110_272, 1_048_640], [4_259_840, 13_108_736, 3_277_568, 819_584, 9_603]),
}


@pytest.mark.parametrize("size", LAYERS)
def test_each_layer_has_the_published_number_of_parameters(size):
    with torch.device("meta"):
        nets = Conv().encoder(FRAMES[size], 1), Conv().decoder(FRAMES[size])
    for net, expected in zip(nets, LAYERS[size], strict=True):
        counts = []
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):  # of the stage before it
                counts[-1] += parameters(module)
            elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                counts.append(parameters(module))
        assert counts == expected


@pytest.mark.parametrize(
    ("size", "encoder", "decoder"),
    [
        (28, [(1, 14), (2, 7), (4, 4), (8, 2)], [(8, 7), (4, 14), (2, 28), (1, 28)]),
        (32, [(1, 16), (2, 8), (4, 4), (8, 2)], [(8, 4), (4, 8), (2, 16), (1, 32), (3, 32)]),
        (64, [(1, 32), (2, 16), (4, 8), (8, 4)], [(8, 8), (4, 16), (2, 32), (1, 64), (3, 64)]),
    ],
)
def test_maps_have_the_published_shapes(size, encoder, decoder):
    spec, net = FRAMES[size], Conv(width=8)
    x, z = torch.rand(2, *spec.shape), torch.randn(2, spec.latent)
    assert maps(net.encoder(spec, 1), x, after=nn.ReLU) == encoder
    assert maps(net.decoder(spec), z, after=(nn.Unflatten, nn.BatchNorm2d, nn.Sigmoid, nn.Tanh)) == decoder


def maps(net: nn.Module, x: torch.Tensor, after) -> list[tuple[int, int]]:
    """Channels and side of what each layer of the named types gives."""
    shapes = []
    for layer in net:
        x = layer(x)
        if isinstance(layer, after):
            shapes.append((x.shape[1], x.shape[2]))
    return shapes


# How many of a filter's taps fall on the map, at each place along one side, worked out by hand from TensorFlow's rule.
@pytest.mark.parametrize(
    ("size", "layer", "taps"),
    [
        (28, 0, [3, *[4] * 12, 3]),  # 4 taps on 28: one row before, one after
        (28, 2, [3, 4, 4, 2]),  # 4 taps on 7: one before, two after
        (32, 0, [4, *[5] * 14, 3]),  # 5 taps on 32: one before, two after
        (32, 3, [4, 3]),  # 5 taps on 4
    ],
)
def test_encoder_pads_as_tensorflow_does(size, layer, taps):
    net = Conv(width=8).encoder(FRAMES[size], 1)
    padding, conv = net[4 * layer : 4 * layer + 2]
    nn.init.ones_(conv.weight)
    side = {0: size, 2: 7, 3: 4}[layer]
    y = conv(padding(torch.ones(1, conv.in_channels, side, side)))[0, 0]
    taps = torch.tensor(taps, dtype=torch.float32)
    torch.testing.assert_close(y, conv.in_channels * taps[:, None] * taps)


@pytest.mark.parametrize(
    ("size", "kernel", "margins", "last_margins"),
    [(28, 4, (1, 1), (1, 2)), (32, 5, (1, 2), (2, 2)), (64, 5, (1, 2), (2, 2)), (28, 5, (1, 2), (2, 2))],
)
def test_every_transposed_convolution_is_the_adjoint_of_a_padded_convolution(size, kernel, margins, last_margins):
    net = Conv(width=8, kernel=kernel).decoder(FRAMES[size]).double()
    stages = [(deconv, crop) for deconv, crop in pairwise(net) if isinstance(deconv, nn.ConvTranspose2d)]
    side = {28: 7, 32: 4, 64: 8}[size]
    for deconv, crop in stages:
        stride = deconv.stride[0]
        before, after = margins if stride == 2 else last_margins
        u = torch.randn(2, deconv.out_channels, side * stride, side * stride, dtype=torch.float64)
        v = torch.randn(2, deconv.in_channels, side, side, dtype=torch.float64)
        convolved = conv2d(pad(u, (before, after, before, after)), deconv.weight, stride=stride)
        assert (convolved * v).sum().item() == pytest.approx((u * crop(deconv(v))).sum().item(), rel=1e-12)
        side *= stride
    assert side == size


def test_weights_start_as_in_the_code_of_wae():
    net = Conv(width=256)
    for layer in (*net.encoder(FRAMES[28], 1), *net.decoder(FRAMES[28])):
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            assert not layer.bias.any()
            if layer.weight.numel() < 10_000:
                continue
            if isinstance(layer, nn.Conv2d):  # truncated at two deviations
                assert layer.weight.std().item() == pytest.approx(0.008796, rel=0.02)
                assert 0.019 < layer.weight.abs().max() <= 0.02
            else:
                assert layer.weight.std().item() == pytest.approx(0.01, rel=0.02)
                assert layer.weight.abs().max() > 0.03


def test_decoder_starts_with_a_relu_and_no_batch_norm():
    assert [type(m) for m in Conv(8).decoder(FRAMES[28])][:4] == [nn.Linear, nn.ReLU, nn.Unflatten, nn.ConvTranspose2d]


def test_batch_norm_averages_as_in_the_code_of_wae():
    norms = [m for m in Conv(8).decoder(FRAMES[64]) if isinstance(m, nn.BatchNorm2d)]
    assert {(m.eps, m.momentum) for m in norms} == {(1e-5, 0.1)}


@pytest.mark.parametrize(("pixel_range", "lowest"), [("unit", 0), ("sym", -1)])
def test_images_come_out_in_the_range_of_the_frame(pixel_range, lowest):
    decoder = Conv(8).decoder(ModelSpec((3, 32, 32), 5, pixel_range))
    nn.init.normal_(decoder[-3].weight, std=100)
    x = decoder(torch.randn(20, 5))
    assert (x.min().item(), x.max().item()) == pytest.approx((lowest, 1), abs=0.01)


@pytest.mark.parametrize("shape", [(1, 30, 30), (1, 28, 32), (3, 128, 128)])
def test_refuses_images_of_other_sizes(shape):
    for make in (lambda f: Conv(8).encoder(f, 1), Conv(8).decoder):
        with pytest.raises(ValueError, match=f"not {shape[1]}x{shape[2]}"):
            make(ModelSpec(shape, 8))


@pytest.mark.parametrize("width", [12, 0, -8])
def test_refuses_widths_that_cannot_be_halved_three_times(width):
    with pytest.raises(ValueError, match=f"multiple of 8, not {width}"):
        Conv(width).encoder(FRAMES[28], 1)
