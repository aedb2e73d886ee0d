"""`SpectralNormalization`: a layer whose kernel is divided by its largest singular value."""

from __future__ import annotations

from typing import Any

from symkeras import initializers, ops
from symkeras.arguments import checked, positive_int
from symkeras.errors import ConfigError
from symkeras.graph import dtypes
from symkeras.layers.input_spec import InputSpec
from symkeras.layers.layer import Layer
from symkeras.layers.normalization import unit_length
from symkeras.layers.wrapper import Wrapper


class SpectralNormalization(Wrapper):
    """Keeps the kernel of a layer at spectral norm 1, which keeps discriminators of GANs smooth (Miyato et al. 2018).

    In training, before the layer computes, its kernel becomes itself over an estimate of its largest singular value. The estimate comes
    from steps of power iteration on a vector that is kept from call to call. A kernel of zeros is left alone.

    Args:
        layer: one with a `kernel` or `embeddings`.
        power_iterations: steps at each call.
        **kwargs: those of `Layer`.

    Input shape:
        that of the layer

    Output shape:
        that of the layer

    Raises:
        ConfigError: the layer has neither, or `power_iterations` is no positive integer.

    Example:
        >>> import numpy as np
        >>> from symkeras.layers import Dense
        >>> layer = SpectralNormalization(Dense(1, kernel_initializer="ones"))
        >>> layer(np.array([[3.0, 4.0, 5.0, 6.0]]), training=True).round(3).tolist()
        [[9.0]]
    """

    @checked(power_iterations=positive_int)
    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any):
        super().__init__(layer, **kwargs)
        self.power_iterations = power_iterations

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        kernel = next((getattr(self.layer, name) for name in ("kernel", "embeddings") if getattr(self.layer, name, None) is not None), None)
        if kernel is None:
            raise ConfigError(f"SpectralNormalization wraps a layer that has a kernel or embeddings, received {type(self.layer).__name__}")
        self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        self.kernel = kernel
        self.vector_u = self.add_weight(
            shape=(1, kernel.shape[-1]), initializer=initializers.TruncatedNormal(stddev=0.02), trainable=False, name="vector_u", dtype=kernel.dtype
        )

    def call(self, inputs: Any, training: Any = False) -> Any:
        if training:
            u, kernel = self.normalized_weights()
            self.vector_u.assign(u)
            self.kernel.assign(kernel)
        output, dtype = self.layer(inputs), ops.op.dtype_of(inputs)
        return ops.cast(output, dtype) if dtypes.is_float(dtype) else output

    def normalized_weights(self) -> tuple[Any, Any]:
        """The new vector, and the kernel over its largest singular value as the vector sees it."""
        whole = self.kernel.value
        kernel = ops.reshape(whole, (-1, self.kernel.shape[-1]))
        u = self.vector_u.value
        v = u
        for _ in range(self.power_iterations):
            v = unit_length(ops.matmul(u, ops.transpose(kernel)), None, 1e-12)
            u = unit_length(ops.matmul(v, kernel), None, 1e-12)
        u, v = ops.stop_gradient(u), ops.stop_gradient(v)
        sigma = ops.reshape(ops.matmul(ops.matmul(v, kernel), ops.transpose(u)), ())
        is_zero = ops.all(ops.equal(whole, 0))
        sigma = ops.where(is_zero, ops.ones_like(sigma), sigma)
        return ops.where(is_zero, self.vector_u.value, u), ops.divide(whole, sigma)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "power_iterations": self.power_iterations}
