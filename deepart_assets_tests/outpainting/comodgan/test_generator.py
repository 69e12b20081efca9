"""The generator against the specification: sizes, a slow reference, gradients, options."""

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from deepart_assets.outpainting.comodgan import layers
from deepart_assets.outpainting.comodgan.generator import Generator, composed, draw_noise
from deepart_assets.outpainting.comodgan.spec import spec_for
from deepart_assets.outpainting.comodgan.weights import generator_shapes, spec_of
from deepart_assets_tests.outpainting.comodgan import reference
from deepart_assets_tests.outpainting.comodgan.small import inputs, narrow, tiny


def doubles(*shape, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=random, dtype=torch.float64)


def arrays(module, prefix=""):
    return {prefix + name: value.numpy() for name, value in module.state_dict().items()}


# --- sizes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resolution", "total", "parts"),
    [
        (512, 79_792_231, (2_101_248, 31_952_000, 45_738_983)),
        (256, 79_177_378, (2_101_248, 31_841_536, 45_234_594)),
    ],
)
def test_parameters_are_those_of_the_paper(resolution, total, parts):
    with torch.device("meta"):
        network = Generator(spec_for(resolution))
    count = lambda module: sum(each.numel() for each in module.parameters())  # noqa: E731
    assert count(network) == total
    assert tuple(map(count, (network.mapping, network.encoder, network.synthesis))) == parts


@pytest.mark.parametrize("resolution", [16, 64, 256, 512, 1024])
def test_tensors_and_sizes_follow_from_each_other(resolution):
    spec = spec_for(resolution)
    assert spec_of(generator_shapes(spec), "a file") == spec
    assert spec.layers == 2 * int(np.log2(resolution)) - 2
    assert len(spec.noise_sides) == spec.layers - 1


def test_widths_halve_with_the_side():
    assert spec_for(512).widths == (512,) * 5 + (256, 128, 64)
    assert spec_for(1024).width(1024) == 32
    with pytest.raises(ValueError, match="power of two"):
        spec_for(96)


# --- the awkward parts, each against its slow definition -----------------------------------------


@pytest.mark.parametrize(("kernel", "padding"), [(3, 2), (1, 1)])
def test_reduction(kernel, padding):
    layer = layers.Conv(3, 2, kernel, down=True, active=False).double()
    x = doubles(1, 3, 8, 6)
    expected = reference.conv(arrays(layer, "l."), "l", x[0].numpy(), down=True)
    assert expected.shape == (2, 4, 3)
    np.testing.assert_allclose(layer(x)[0].detach().numpy(), expected, atol=1e-12)
    filtered = layers.filtered(x, padding=padding)[0].numpy()
    np.testing.assert_allclose(filtered, reference.fir(x[0].numpy(), padding, padding), atol=1e-12)


def test_enlargement_of_pictures():
    x = doubles(1, 3, 5, 4)
    np.testing.assert_allclose(
        layers.doubled(x)[0].numpy(), reference.image_up(x[0].numpy()), atol=1e-12
    )
    # A flat picture stays flat but at its border, where zeros are around.
    flat = layers.doubled(torch.ones(1, 1, 6, 6, dtype=torch.float64))
    assert torch.allclose(flat[..., 1:-1, 1:-1], torch.ones(()).double())


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("size", [1.0, 1e4, 1e-6])
def test_modulated_convolution(up, size):
    torch.manual_seed(3)
    side = 10 if up else 5
    layer = layers.ModulatedConv(4, 3, 6, side, up=up).double()
    with torch.no_grad():
        layer.bias += 0.5
        layer.noise_strength += 0.7
        layer.affine.bias *= size  # ε must count as in the paper for styles of any size
        layer.affine.weight *= size
    x, style, noise = doubles(2, 4, 5, 5), doubles(2, 6, seed=1), doubles(2, 1, side, side, seed=2)
    found = layer(x, style, noise).detach().numpy()
    tensors = arrays(layer, "l.")
    for each in range(2):
        sample = (value[each].numpy() for value in (x, style))
        expected = reference.modulated(tensors, "l", *sample, noise[each, 0].numpy(), up=up)
        np.testing.assert_allclose(found[each], expected, atol=1e-10)


def test_the_whole_generator():
    network = tiny(32).double()
    spec = network.spec
    pictures, known, z, noise = inputs(spec, dtype=torch.float64)
    # A w of its own for each layer: a wrong index shows.
    ws = doubles(2, spec.layers, spec.latent)
    with torch.inference_mode():
        found = network(pictures, known, ws, noise).numpy()
        constant = network(pictures, known, ws).numpy()
        w = network.mapping(z, 0.6).numpy()
    tensors = arrays(network)
    own = [tensors["synthesis.b4.conv.noise_const"]]
    for side in spec.sides[1:]:
        own += [tensors[f"synthesis.b{side}.conv{k}.noise_const"] for k in (0, 1)]
    for each in range(2):
        given = (pictures[each].numpy(), known[each, 0].numpy(), ws[each].numpy())
        drawn = [level[each, 0].numpy() for level in noise]
        expected = reference.generate(tensors, *given, drawn)
        np.testing.assert_allclose(found[each], expected, rtol=1e-9, atol=1e-9)
        expected = reference.generate(tensors, *given, own)
        np.testing.assert_allclose(constant[each], expected, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(w[each], reference.mapping(tensors, z[each].numpy(), 0.6))


# --- gradients -----------------------------------------------------------------------------------


def test_gradients_of_the_layers():
    x = doubles(1, 2, 4, 4).requires_grad_()
    style = doubles(1, 3, seed=1).requires_grad_()
    noise = doubles(1, 1, 8, 8, seed=2)
    up = layers.ModulatedConv(2, 2, 3, 8, up=True).double()
    down = layers.Conv(2, 2, down=True).double()
    skip = layers.Conv(2, 2, 1, down=True, active=False, bias=False).double()
    rgb = layers.ToRGB(2, 3).double()
    assert gradcheck(lambda x, s: up(x, s, noise), (x, style))
    assert gradcheck(lambda x, s: layers.doubled(rgb(x, s)), (x, style))
    for layer in (down, skip):
        assert gradcheck(layer, x)
        assert gradgradcheck(layer, x)  # R1 differentiates twice


def test_gradients_reach_every_parameter():
    network = narrow(32).train()
    pictures, known, z, noise = inputs(network.spec)
    network(pictures, known, network.mapping(z), noise).square().mean().backward()
    for name, value in network.named_parameters():
        assert value.grad is not None and bool(value.grad.abs().sum() > 0), name


# --- options -------------------------------------------------------------------------------------


def test_equal_inputs_equal_outputs_and_no_dropout_unless_asked():
    network = narrow()
    pictures, known, z, noise = inputs(network.spec)
    with torch.inference_mode():
        w = network.mapping(z)
        first = network(pictures, known, w, noise)
        assert torch.equal(first, network(pictures, known, w, noise))
        network.always_dropout = True
        assert not torch.equal(first, network(pictures, known, w, noise))


def test_the_hole_is_not_seen_and_the_known_is():
    network = narrow()
    pictures, known, z, noise = inputs(network.spec)
    with torch.inference_mode():
        w = network.mapping(z)
        first = network(pictures, known, w, noise)
        assert torch.equal(first, network(pictures * known + 9 * (1 - known), known, w, noise))
        assert not torch.equal(first, network(pictures + 0.1, known, w, noise))
        whole = composed(first, pictures, known)
    assert torch.equal(whole * known, pictures * known)
    assert torch.equal(whole * (1 - known), first * (1 - known))


def test_a_batch_equals_its_pictures_one_by_one():
    network = narrow()
    pictures, known, z, noise = inputs(network.spec, 3)
    with torch.inference_mode():
        w = network.mapping(z)
        together = network(pictures, known, w, noise)
        for k in range(3):
            own = [level[k : k + 1] for level in noise]
            alone = network(pictures[k : k + 1], known[k : k + 1], w[k : k + 1], own)
            assert torch.allclose(alone, together[k : k + 1], atol=1e-5)


def test_truncation():
    network = narrow()
    z = inputs(network.spec)[2]
    with torch.inference_mode():
        w, mean = network.mapping(z), network.mapping.w_avg
        assert torch.equal(network.mapping(z, 1.0), w)
        assert torch.allclose(network.mapping(z, 0.0), mean.expand(2, -1))
        assert torch.allclose(network.mapping(z, 0.5), (w + mean) / 2, atol=1e-6)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_does_not_overflow(kind):
    """Styles of a hundred thousand, which half precision cannot hold, change nothing."""
    torch.manual_seed(0)
    layer = layers.ModulatedConv(8, 8, 4, 8)
    with torch.no_grad():
        layer.affine.bias.fill_(1e5)
        style = torch.zeros(2, 4)
        x = torch.randn(2, 8, 8, 8)
        exact = layer(x, style, None)
        layer.affine.bias.fill_(3e4)
        half = layer.to(kind)(x.to(kind), style.to(kind), None)
    assert half.dtype == kind
    assert torch.allclose(half.float(), exact, atol=0.1, rtol=0.05)


def test_noise_is_drawn_from_its_generator():
    spec = spec_for(64, base=256, most=16)
    first, again, other = (
        draw_noise(spec, 2, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert [each.shape for each in first] == [(2, 1, side, side) for side in spec.noise_sides]
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    assert not any(torch.equal(*pair) for pair in zip(first, other, strict=True))
