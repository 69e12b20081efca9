"""Checkpoints in the layout that the DRAM network's authors published, with random weights."""

import torch

from deepart_assets.segmentation.dram_network import DeepLabV2


def random_network(seed: int = 0) -> DeepLabV2:
    """A network whose classes vary from place to place: the untrained one's hardly do."""
    torch.manual_seed(seed)
    network = DeepLabV2().eval()
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.8, 1.2)
        elif name.startswith("classifier."):
            value.normal_(0, 0.1)
        elif "bn" in name and name.endswith(("weight", "bias")):
            value.uniform_(-0.1, 0.5)
    with torch.inference_mode():
        spread = network(torch.randn(1, 3, 97, 97)).std()
        for parameter in network.classifier.parameters():
            parameter.data.mul_(2 / spread)
    return network


def published(network: DeepLabV2, prefix: str = "") -> dict:
    """The layout of the authors' files: no fc, no num_batches_tracked, other names."""
    extractor, classifier = {}, {}
    for key, value in network.state_dict().items():
        if key.endswith("num_batches_tracked"):
            continue
        if key.startswith("classifier."):
            classifier[prefix + key.replace("classifier.", "conv2d_list.")] = value
        else:
            extractor[prefix + key] = value
    return {"iteration": 40000, "feature_extractor": extractor, "classifier": classifier}


def forward_by_the_paper(weights: dict, pictures: torch.Tensor) -> torch.Tensor:
    """DeepLabV2 on ResNet-101 from the published weights, written from its description alone.

    7×7 stem of stride 2, 3×3 max-pooling of stride 2, bottlenecks 3, 4, 23, 3 of expansion 4 with
    the stride in the 3×3 convolution; stages 3 and 4 have stride 1 and dilations 2 and 4, whose
    first block keeps the dilation before; normalisation by the stored statistics, eps 1e-5; four
    3×3 classifiers of dilation 6, 12, 18, 24, added up.
    """
    conv, extractor = torch.nn.functional.conv2d, weights["feature_extractor"]

    def norm(x, name):
        mean, variance, weight, bias = (
            extractor[f"backbone.{name}.{kind}"][:, None, None]
            for kind in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (variance + 1e-5).sqrt() * weight + bias

    def filters(name):
        return extractor[f"backbone.{name}.weight"]

    x = norm(conv(pictures, filters("conv1"), stride=2, padding=3), "bn1").relu()
    x = torch.nn.functional.max_pool2d(x, 3, stride=2, padding=1)
    stages = ((3, 1, 1, 1), (4, 2, 1, 1), (23, 1, 1, 2), (3, 1, 2, 4))
    for number, (blocks, stride, first_dilation, dilation) in enumerate(stages, 1):
        for block in range(blocks):
            name = f"layer{number}.{block}"
            step, rate = (1, dilation) if block else (stride, first_dilation)
            y = norm(conv(x, filters(f"{name}.conv1")), f"{name}.bn1").relu()
            y = conv(y, filters(f"{name}.conv2"), stride=step, padding=rate, dilation=rate)
            y = norm(y, f"{name}.bn2").relu()
            y = norm(conv(y, filters(f"{name}.conv3")), f"{name}.bn3")
            if block == 0:
                x = conv(x, filters(f"{name}.downsample.0"), stride=step)
                x = norm(x, f"{name}.downsample.1")
            x = (x + y).relu()
    heads = weights["classifier"]
    return sum(
        conv(
            x,
            heads[f"conv2d_list.{index}.weight"],
            heads[f"conv2d_list.{index}.bias"],
            padding=rate,
            dilation=rate,
        )
        for index, rate in enumerate((6, 12, 18, 24))
    )
