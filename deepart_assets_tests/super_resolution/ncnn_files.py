"""Writing an RRDBNet in ncnn's format, as its onnx2ncnn does: what the reader is tested with."""

import numpy as np


class Writer:
    """Collects the lines of a .param file and the bytes of a .bin file."""

    def __init__(self, half: bool) -> None:
        self.half = half
        self.lines: list[tuple[str, list[str], str]] = []
        self.data = b""

    def add(self, kind: str, inputs: list[str], settings: str = "") -> str:
        self.lines.append((kind, inputs, settings))
        return f"b{len(self.lines) - 1}"

    def conv(self, state, name: str, x: str, leaky: bool = False) -> str:
        weight = state[f"{name}.weight"].numpy()
        values = weight.astype("<f2" if self.half else "<f4").tobytes()
        tag = 0x01306B47 if self.half else 0
        self.data += tag.to_bytes(4, "little") + values + bytes(-len(values) % 4)
        self.data += state[f"{name}.bias"].numpy().astype("<f4").tobytes()
        settings = f"0={weight.shape[0]} 1=3 11=3 4=1 5=1 6={weight.size}"
        return self.add(
            "Convolution", [x], settings + (" 9=2 -23310=1,2.000000e-01" if leaky else "")
        )

    def text(self) -> str:
        """The .param file, with a Split after each layer whose output is taken more than once."""
        takers = [name for _, inputs, _ in self.lines for name in inputs]
        written, left, blobs = [], {}, 0
        for place, (kind, inputs, settings) in enumerate(self.lines):
            name = "output" if place == len(self.lines) - 1 else f"b{place}"
            name = "data" if kind == "Input" else name
            taken = [left[each].pop() if each in left else each for each in inputs]
            taken = ["data" if each == "b0" else each for each in taken]
            counts = f"{len(inputs)} 1"
            written.append(" ".join([kind, f"l{place}", counts, *taken, name, settings]).strip())
            blobs += 1
            copies = takers.count(f"b{place}")
            if copies > 1:
                left[name] = [f"{name}_{copy}" for copy in range(copies)]
                written.append(" ".join(["Split", f"s{place}", f"1 {copies}", name, *left[name]]))
                blobs += copies
        return "\n".join(["7767517", f"{len(written)} {blobs}", *written]) + "\n"


def write_ncnn(state, half: bool = True) -> tuple[str, bytes]:
    """Return the .param and the .bin file of an RRDBNet ×4 in basicsr's naming."""
    blocks = 1 + max(int(key.split(".")[1]) for key in state if key.startswith("body."))
    net = Writer(half)
    residue = "0=1 -23301=2,2.000000e-01,1.000000e+00"
    x = first = net.conv(state, "conv_first", net.add("Input", []))
    for block in range(blocks):
        start = x
        for dense in (1, 2, 3):
            name = f"body.{block}.rdb{dense}.conv"
            parts = [x]
            for number in (1, 2, 3, 4):
                joined = net.add("Concat", parts) if number > 1 else x
                parts = [*parts, net.conv(state, f"{name}{number}", joined, leaky=True)]
            made = net.conv(state, f"{name}5", net.add("Concat", parts))
            x = net.add("Eltwise", [made, x], residue)
        x = net.add("Eltwise", [x, start], residue)
    x = net.add("BinaryOp", [first, net.conv(state, "conv_body", x)])
    for name in ("conv_up1", "conv_up2"):
        x = net.conv(state, name, net.add("Interp", [x], "0=1 1=2.0 2=2.0"), leaky=True)
    net.conv(state, "conv_last", net.conv(state, "conv_hr", x, leaky=True))
    return net.text(), net.data


def run_ncnn(param: str, binary: bytes, picture: np.ndarray) -> np.ndarray:
    """Enlarge float32 3×h×w with ncnn itself, in single precision on one thread."""
    import tempfile
    from pathlib import Path

    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = 1
    net.opt.use_fp16_storage = net.opt.use_fp16_packed = net.opt.use_fp16_arithmetic = False
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "a.param"), Path(folder, "a.bin")
        files[0].write_text(param)
        files[1].write_bytes(binary)
        assert net.load_param(str(files[0])) == 0
        assert net.load_model(str(files[1])) == 0
    extractor = net.create_extractor()
    extractor.input("data", ncnn.Mat(np.ascontiguousarray(picture)))
    return np.array(extractor.extract("output")[1])
