import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from vimae_bench.plugin import ModelSpec
from vimae_builtin.architectures.mlp import MLP

MNIST = ModelSpec((1, 28, 28), 2)


def parameters(*modules: nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


@pytest.mark.parametrize(("heads", "expected"), [(1, 669_970), (2, 670_484)])
def test_has_the_published_number_of_parameters(heads, expected):
    net = MLP()
    assert parameters(net.encoder(MNIST, heads), net.decoder(MNIST)) == expected


def test_without_hidden_layers_it_is_linear():
    net = MLP(hidden=())
    assert parameters(net.encoder(MNIST, 1), net.decoder(MNIST)) == (784 * 2 + 2) + (2 * 784 + 784)


def test_batch_norm_can_be_left_out():
    net = MLP(hidden=(16,), batch_norm=False)
    modules = [*net.encoder(MNIST, 1).modules(), *net.decoder(MNIST).modules()]
    assert not [m for m in modules if isinstance(m, nn.BatchNorm1d)]


def test_costs_the_published_number_of_multiply_adds():
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        (z,) = MLP().encoder(MNIST, 1).eval()(torch.empty(1, 1, 28, 28))
        MLP().decoder(MNIST).eval()(z)
    assert counter.get_total_flops() == 2 * 664_576


def test_encoder_normalises_before_its_relu_and_decoder_after_it():
    net = MLP(hidden=(16,))
    encoder = [type(m) for m in net.encoder(MNIST, 1)][:4]
    decoder = [type(m) for m in net.decoder(MNIST)][:3]
    assert encoder == [nn.Flatten, nn.Linear, nn.BatchNorm1d, nn.ReLU]
    assert decoder == [nn.Linear, nn.ReLU, nn.BatchNorm1d]


def test_decoder_runs_through_the_hidden_widths_backwards():
    layers = [m for m in MLP(hidden=(32, 16)).decoder(MNIST) if isinstance(m, nn.Linear)]
    assert [m.out_features for m in layers] == [16, 32, 784]


def test_weights_start_normal_with_deviation_a_hundredth_and_biases_at_zero():
    net = MLP()
    for layer in (*net.encoder(MNIST, 2).modules(), *net.decoder(MNIST).modules()):
        if isinstance(layer, nn.Linear) and layer.weight.numel() > 10_000:
            assert layer.weight.std().item() == pytest.approx(0.01, rel=0.03)
            assert layer.weight.abs().max() > 0.03  # a truncated normal would not reach so far
        if isinstance(layer, nn.Linear):
            assert not layer.bias.any()


@pytest.mark.parametrize(("pixel_range", "lowest"), [("unit", 0), ("sym", -1)])
def test_images_come_out_in_the_shape_and_range_of_the_frame(pixel_range, lowest):
    spec = ModelSpec((3, 8, 4), 5, pixel_range)
    x = MLP(hidden=(16,), batch_norm=False).decoder(spec)(1e6 * torch.randn(50, 5))
    assert x.shape == (50, 3, 8, 4)
    assert (x.min().item(), x.max().item()) == pytest.approx((lowest, 1), abs=0.01)


def test_encoder_gives_a_tuple_of_codes():
    heads = MLP(hidden=(16,)).encoder(ModelSpec((3, 8, 4), 5), 2)(torch.randn(7, 3, 8, 4))
    assert [h.shape for h in heads] == [(7, 5), (7, 5)]
