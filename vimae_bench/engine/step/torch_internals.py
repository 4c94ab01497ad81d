"""All that a training step uses of torch's private modules, which may change with any version of torch.

Public means were measured in their place, with torch 2.14 and one thread of a Xeon. By `torch.compile` of
`torch.func.grad_and_value` and `torch.optim.Adam(fused=True)` a step of the MLP with 784-256-256-256 units takes 1.14
times as long, and one of the paper's convolutions as long as here. `torch.optim` adds 0.2 ms to each step, an eighth of
that of a small network, and the compiler to every process, which takes 1.4 s to import. To see whether a step is one
graph takes the compiler's front end 1.0 to 2.5 s, and it refuses Python that the tracer follows.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.fx.graph import CodeGen
from torch.utils import _pytree

EPS = 1e-8
"""What Adam adds to the root of the second moment."""
COMPILER_OPTIONS: dict[str, Any] = {"fallback_random": True}
"""Of the compiler: random numbers are drawn as torch draws them."""


def trace_function(function: Callable[..., Tensor], *args: object) -> GraphModule:
    """The operators that a function calls, with those of its gradients, as a graph that takes one flat list of tensors.

    It is followed once, with tensors that hold no data. Raises whatever the function raises, and errors of the tracer.
    """
    from torch.fx.experimental.proxy_tensor import make_fx

    module = make_fx(function, tracing_mode="fake", _allow_non_fake_inputs=True)(*args)
    module.graph.set_codegen(CodeGen())
    module.recompile()
    return module


def list_tensors(tree: object) -> list[Tensor]:
    """The tensors in nested lists and mappings, in the order in which a graph of `trace_function` takes them."""
    return cast("list[Tensor]", _pytree.tree_leaves(tree))


def compile_graph(module: GraphModule, inputs: Sequence[Tensor]) -> Callable[..., Sequence[Tensor]]:
    """Native code for a traced graph, for inputs of these shapes. Raises whatever the compiler raises."""
    import torch._inductor as inductor
    from torch._inductor import config

    with cast("Any", config).patch(**COMPILER_OPTIONS):
        call = inductor.standalone_compile(module, list(inputs), dynamic_shapes="from_example_inputs")
    return cast("Callable[..., Sequence[Tensor]]", call)


def apply_adam(
    weights: Sequence[Tensor],
    grads: Sequence[Tensor],
    exp_avg: Sequence[Tensor],
    exp_avg_sq: Sequence[Tensor],
    steps: Tensor,
    rate: float | Tensor,
    betas: tuple[float, float],
) -> None:
    """One step of Adam (Kingma and Ba, 1412.6980) on all weights, by the kernel of `torch.optim.Adam(fused=True)`.

    The number of this step, `steps`, is one for all weights; torch's own class counts for each, which takes longer.
    """
    rates = {"lr": rate, "beta1": betas[0], "beta2": betas[1], "eps": EPS, "weight_decay": 0.0}
    counts = [steps] * len(weights)
    fused = cast("Any", torch)._fused_adam_
    fused(weights, grads, exp_avg, exp_avg_sq, [], counts, **rates, amsgrad=False, maximize=False)


def simulate_gpu() -> tuple[AbstractContextManager[object], Callable[[Tensor], Tensor]]:
    """A block in which tensors need hold no data, and what makes such a one that is said to be on a GPU of a tensor."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    mode = FakeTensorMode(allow_non_fake_inputs=True)
    return mode, lambda x: mode.from_tensor(x.detach()).to("cuda")


def forget_vector_instructions() -> None:
    """Let the compiler try again which vector instructions work: on a full disk it finds none, and keeps that."""
    from torch._inductor import cpu_vec_isa

    values = [*vars(cpu_vec_isa).values()]
    methods = [method for value in values if isinstance(value, type) for method in vars(value).values()]
    for value in (*values, *methods):
        if clear := getattr(value, "cache_clear", None):
            clear()


def is_default_compiler_cache(folder: str) -> bool:
    """Whether a folder is the one that torch chooses for compiled code, or in it; False before torch has a compiler."""
    utils = sys.modules.get("torch._inductor.runtime.cache_dir_utils")
    return bool(utils) and Path(folder).is_relative_to(utils.default_cache_dir())


def replace_default_compiler_cache(folder: str) -> None:
    """Of headers and some results torch asks for its default folder, whatever its variable says."""
    from torch._inductor import codecache
    from torch._inductor.runtime import cache_dir_utils, runtime_utils

    for module in (cache_dir_utils, runtime_utils, codecache):
        if hasattr(module, "default_cache_dir"):
            setattr(module, "default_cache_dir", lambda: folder)  # noqa: B010  # pyright knows no modules that change
    for name, place in (("_HEADER_DIR", "precompiled_headers"), ("_HEADER_LOCK_DIR", "precompiled_headers/locks")):
        if hasattr(codecache, name):
            setattr(codecache, name, f"{folder}/{place}")
