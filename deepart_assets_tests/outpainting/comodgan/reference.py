"""CoModGAN's generator once more, slowly, with NumPy alone and after the specification's words.

Nothing of the package is used but the names of tensors: filters by inserting zeros and summing,
transposed convolutions by scattering, a modulated weight of each picture's own, the gains where the
paper has them. float64.
"""

import numpy as np

FIR = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def lrelu(x):
    return np.where(x > 0, x, 0.2 * x) * np.sqrt(2)


def correlate(x, weight, stride=1):
    """C×H×W with O×C×k×k, nothing padded."""
    out, _, k, _ = weight.shape
    height, width = ((side - k) // stride + 1 for side in x.shape[1:])
    y = np.zeros((out, height, width))
    for row in range(height):
        for column in range(width):
            window = x[:, row * stride : row * stride + k, column * stride : column * stride + k]
            y[:, row, column] = np.einsum("cij,ocij->o", window, weight)
    return y


def pad(x, before, after):
    return np.pad(x, ((0, 0), (before, after), (before, after)))


def fir(x, before, after, gain=1.0):
    x = pad(x, before, after)
    return np.stack([correlate(channel[None], gain * FIR[None, None])[0] for channel in x])


def scatter(x, weight):
    """A transposed convolution of stride 2: every input pixel adds its weights, not flipped."""
    out, _, k, _ = weight.shape
    y = np.zeros((out, 2 * x.shape[1] + 1, 2 * x.shape[2] + 1))
    for row in range(x.shape[1]):
        for column in range(x.shape[2]):
            for i in range(k):
                for j in range(k):
                    y[:, 2 * row + i, 2 * column + j] += weight[:, :, i, j] @ x[:, row, column]
    return y


def image_up(x):
    channels, height, width = x.shape
    spread = np.zeros((channels, 2 * height, 2 * width))
    spread[:, ::2, ::2] = x
    return fir(spread, 2, 1, 4.0)


def dense(t, name, x, lrmul=1.0):
    weight = t[f"{name}.weight"]
    return (weight * lrmul / np.sqrt(weight.shape[1])) @ x + t[f"{name}.bias"] * lrmul


def scaled(weight):
    return weight / np.sqrt(np.prod(weight.shape[1:]))


def conv(t, name, x, down=False):
    weight = scaled(t[f"{name}.weight"])
    if down:
        k = weight.shape[-1]
        p = 2 + (k - 1)
        y = correlate(fir(x, (p + 1) // 2, p // 2), weight, stride=2)
    else:
        y = correlate(pad(x, weight.shape[-1] // 2, weight.shape[-1] // 2), weight)
    bias = t.get(f"{name}.bias")
    return y if bias is None else y + bias[:, None, None]


def modulated(t, name, x, style, noise=None, *, up=False, rgb=False):
    s = dense(t, f"{name}.affine", style)
    weight = scaled(t[f"{name}.weight"]) * s[None, :, None, None]
    if not rgb:
        for out in range(len(weight)):
            weight[out] *= 1 / np.sqrt((weight[out] ** 2).sum() + 1e-8)
    if rgb:
        return correlate(x, weight) + t[f"{name}.bias"][:, None, None]
    y = fir(scatter(x, weight), 1, 1, 4.0) if up else correlate(pad(x, 1, 1), weight)
    y = y + t[f"{name}.noise_strength"] * noise
    return lrelu(y + t[f"{name}.bias"][:, None, None])


def mapping(t, z, psi=1.0):
    x = z / np.sqrt((z**2).mean() + 1e-8)
    for k in range(8):
        x = lrelu(dense(t, f"mapping.fc{k}", x, 0.01))
    return t["mapping.w_avg"] + psi * (x - t["mapping.w_avg"])


def generate(t, picture, known, ws, noise):
    """One picture, 3×R×R; `known` is R×R, `ws` layers×latent, `noise` S×S each."""
    resolution = picture.shape[-1]
    x = np.concatenate([known[None] - 0.5, picture * known])
    x = lrelu(conv(t, f"encoder.b{resolution}.fromrgb", x))
    skips, side = {}, resolution
    while side > 4:
        x = lrelu(conv(t, f"encoder.b{side}.conv0", x))
        skips[side] = x
        x = lrelu(conv(t, f"encoder.b{side}.conv1", x, down=True))
        side //= 2
    skips[4] = lrelu(conv(t, "encoder.b4.conv", x))
    code = lrelu(dense(t, "encoder.b4.fc", skips[4].reshape(-1)))

    def style(layer):
        return np.concatenate([ws[layer], code])

    x = lrelu(dense(t, "synthesis.b4.fc", code)).reshape(-1, 4, 4) + skips[4]
    x = modulated(t, "synthesis.b4.conv", x, style(0), noise[0])
    rgb = modulated(t, "synthesis.b4.torgb", x, style(1), rgb=True)
    side = 8
    while side <= resolution:
        k, block = int(np.log2(side)), f"synthesis.b{side}"
        x = modulated(t, f"{block}.conv0", x, style(2 * k - 5), noise[2 * k - 5], up=True)
        x = x + skips[side]
        x = modulated(t, f"{block}.conv1", x, style(2 * k - 4), noise[2 * k - 4])
        rgb = image_up(rgb) + modulated(t, f"{block}.torgb", x, style(2 * k - 3), rgb=True)
        side *= 2
    return rgb
