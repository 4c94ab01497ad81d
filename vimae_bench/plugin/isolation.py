"""What plugins share with each other, kept as it is: global state of the process, and values that several are given."""

import copy
import os
import random
import sys
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

T = TypeVar("T")


@dataclass(frozen=True)
class _Setting:
    """A part of the process's state: how it is read, and how it is put back."""

    read: Callable[[], Any]
    write: Callable[[Any], object]


class GlobalState:
    """What a plugin may change for everybody else, as it is when this is made.

    That is torch's default type and device, threads, gradients, determinism and precision, NumPy's handling of
    errors, the current folder; the states of random `generators`, and variables of the `environment`, unless these are
    left out.
    """

    def __init__(self, *, generators: bool = True, environment: bool = True):
        self._had_torch = "torch" in sys.modules
        self._values = [(setting, setting.read()) for setting in _list_settings(generators, environment)]

    def restore(self) -> None:
        """Put back what has been changed since."""
        for setting, value in self._values:
            _restore(setting, value)
        if not self._had_torch and "torch" in sys.modules:  # imported meanwhile, and perhaps changed after that
            _reset_torch()


@contextmanager
def preserve_global_state(*, generators: bool = True, environment: bool = True) -> Generator[None]:
    """Put back, at the end, what `GlobalState` has, and filters of warnings."""
    with warnings.catch_warnings():
        state = GlobalState(generators=generators, environment=environment)
        try:
            yield
        finally:
            state.restore()


def _restore(setting: _Setting, value: Any) -> None:  # noqa: ANN401
    if not _is_equal(setting.read(), value):
        setting.write(value)


def _is_equal(a: Any, b: Any) -> bool:  # noqa: ANN401
    return a is b or (type(a) is type(b) and not _is_array(a) and a == b)


def _is_array(value: object) -> bool:
    return hasattr(value, "shape") or (isinstance(value, tuple) and any(map(_is_array, cast("tuple[Any, ...]", value))))


def _list_settings(generators: bool, environment: bool) -> list[_Setting]:
    settings = [_Setting(_read_folder, _change_folder)]
    if environment:
        settings.append(_Setting(lambda: dict(os.environ), _write_environment))
    if generators:
        settings.append(_Setting(random.getstate, random.setstate))
    if numpy := sys.modules.get("numpy"):
        settings.append(_Setting(numpy.geterr, lambda before: numpy.seterr(**before)))
        if generators:
            settings.append(_Setting(numpy.random.get_state, numpy.random.set_state))
    return settings + _list_torch_settings(generators) if "torch" in sys.modules else settings


def _list_torch_settings(generators: bool) -> list[_Setting]:
    import torch

    def write_determinism(before: tuple[bool, bool]) -> None:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])

    def read_determinism() -> tuple[bool, bool]:
        return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()

    def write_device(before: torch.device) -> None:
        torch.set_default_device(None if before.type == "cpu" else before)

    settings = [
        _Setting(torch.get_default_dtype, torch.set_default_dtype),
        _Setting(torch.get_default_device, write_device),
        _Setting(torch.is_grad_enabled, torch.set_grad_enabled),
        _Setting(torch.get_num_threads, torch.set_num_threads),
        _Setting(read_determinism, write_determinism),
        _Setting(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
        _Setting(torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
        *(
            _Setting(lambda name=name: getattr(torch.backends.cudnn, name), _make_cudnn_writer(name))
            for name in ("benchmark", "deterministic", "enabled")
        ),
    ]
    if generators:
        settings.append(_Setting(torch.get_rng_state, torch.set_rng_state))
        if torch.cuda.is_initialized():
            settings.append(_Setting(torch.cuda.get_rng_state_all, torch.cuda.set_rng_state_all))
    return settings


def _make_cudnn_writer(name: str) -> Callable[[bool], None]:
    import torch

    return lambda before: setattr(torch.backends.cudnn, name, before)


def _reset_torch() -> None:
    """The state that torch has when it was just imported, in which a plugin may have left something else."""
    import torch

    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.set_grad_enabled(True)
    if torch.are_deterministic_algorithms_enabled():  # to set it loads the compiler, which takes a second
        torch.use_deterministic_algorithms(False)


def _read_folder() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:  # it was removed
        return ""


def _change_folder(path: str) -> None:
    with suppress(OSError):
        os.chdir(path)


def _write_environment(before: Mapping[str, str]) -> None:
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    for name, value in before.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def copy_value(value: T) -> T:
    """A copy that shares no tensor and no array with the value, which may hold them at any depth.

    Functions are not copied. Raises what `copy.deepcopy` raises for objects that cannot be copied.
    """
    return cast("T", _copy(value))


def _copy(value: Any) -> Any:  # noqa: ANN401
    import numpy as np
    import torch

    if isinstance(value, torch.Tensor) and not isinstance(value, torch.nn.Parameter):
        with torch.inference_mode(value.is_inference()):
            return value.detach().clone()
    if isinstance(value, np.ndarray):
        return value.copy()
    for kind in (list, tuple, set):
        if type(value) is kind:
            return kind(map(_copy, cast("list[Any]", value)))
    if type(value) is dict:
        return {key: _copy(inner) for key, inner in cast("dict[Any, Any]", value).items()}
    if is_dataclass(value) and not isinstance(value, type) and hasattr(value, "__dict__"):
        twin = copy.copy(value)
        vars(twin).update({name: _copy(inner) for name, inner in vars(value).items()})
        return twin
    return copy.deepcopy(value)
