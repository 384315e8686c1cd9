"""The way in for torch modules: through ONNX, like everything else."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any, cast

import onnx

from skipvid.errors import GraphError

if TYPE_CHECKING:
    import torch

__all__ = ["export_torch"]

_OPSET = 17


def export_torch(module: torch.nn.Module, example: torch.Tensor) -> onnx.ModelProto:
    """Exports a module in evaluation mode, at the size of an example. The module's own mode is put back afterwards.

    Args:
        module: A network with one image input and tensor outputs.
        example: Input ``(1, C, H, W)`` float32; its values do not matter, its size is bound.

    Raises:
        GraphError: The example is no image, or torch cannot export the module.
    """
    import torch

    if not isinstance(example, torch.Tensor) or example.ndim != 4 or example.shape[0] != 1:
        found = list(example.shape) if isinstance(example, torch.Tensor) else type(example).__name__
        message = f"The example is {found}; one image (1, C, H, W) is expected."
        raise GraphError(message, "Pass a tensor such as torch.zeros(1, 3, 256, 192).")
    training = {m: m.training for m in module.modules()}
    buffer = io.BytesIO()
    try:
        module.eval()
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter warns about itself
            torch.onnx.export(
                module,
                (example.detach().float(),),
                cast(Any, buffer),  # the declared type leaves file objects out, the exporter takes them
                opset_version=_OPSET,
                input_names=["input"],
                dynamo=False,  # the exporter that needs no further package
            )
    except Exception as error:  # the exporter has no exception type of its own
        reason = str(error).strip().split("\n")[0]
        message = f"torch cannot export {type(module).__name__}: {reason}."
        raise GraphError(message, "Export it with torch.onnx.export yourself and load the file.") from error
    finally:
        for each, mode in training.items():
            each.training = mode
    return onnx.load_model_from_string(buffer.getvalue())
