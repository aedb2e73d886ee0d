"""A frozen weight with a trained difference of low rank: what `enable_lora` of Dense, EinsumDense, Embedding and convolutions does."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from symkeras import ops
from symkeras.arguments import checked, number, optional, positive_int
from symkeras.errors import ConfigError
from symkeras.graph import provenance
from symkeras.graph.variable import Variable
from symkeras.layers.layer import Layer

_ALPHA = optional(number(above=0))


class LowRank(Layer):
    """A layer whose main weight W may become W + alpha / rank * A B, with W frozen: Hu et al. 2021, "LoRA", arXiv:2106.09685.

    A has the shape of W with `rank` in place of its last axis, B is (rank, size of the last axis).

    Attributes:
        adapts: the name of the weight, as users see it; it is kept in the attribute with an underscore before.
        lora_rank, lora_alpha: as given, None without.
        lora_enabled: whether the difference is there.
    """

    adapts: ClassVar[str] = "kernel"
    lora_rank: int | None = None
    lora_alpha: float | None = None
    lora_enabled = False

    @checked(lora_rank=optional(positive_int), lora_alpha=_ALPHA)
    def _set_lora(self, lora_rank: Any, lora_alpha: Any) -> None:
        """Take the arguments of a constructor; what they ask for is done at the end of `build`."""
        self.lora_rank, self.lora_alpha = lora_rank, lora_rank if lora_alpha is None else lora_alpha

    def _build_lora(self) -> None:
        if self.lora_rank is not None:
            self._add_lora(self.lora_rank, "he_uniform", "zeros", self.lora_alpha)

    @checked(rank=positive_int, lora_alpha=_ALPHA)
    def enable_lora(self, rank: int, a_initializer: Any = "he_uniform", b_initializer: Any = "zeros", lora_alpha: Any = None) -> None:
        """Freeze the main weight and train a difference of low rank; compile the model afterwards.

        Args:
            rank: the size that A and B share.
            a_initializer, b_initializer: how both begin; the difference begins as 0 where one of them is zeros.
            lora_alpha: the difference is scaled by lora_alpha / rank; `rank` when None.

        Raises:
            ConfigError: the layer is not built, has a difference already, or a constraint on the weight, which would hold for W alone.

        >>> from symkeras import layers
        >>> layer = layers.Dense(100)
        >>> layer.build((None, 50))
        >>> layer.enable_lora(2)
        >>> [w.shape for w in layer.trainable_weights]
        [(100,), (50, 2), (2, 100)]
        """
        what = f"enable_lora: {type(self).__name__} {self.name!r}"
        self._check_unconstrained(what)
        if not self.built:
            raise ConfigError(f"{what} has no weights yet; build the layer, or give lora_rank to its constructor")
        if self.lora_enabled:
            raise ConfigError(f"{what}: lora is already enabled, with rank {self.lora_rank}")
        with provenance.layer_scope(self._place or self.name, self.path), self._tracker.unlocked():
            self._add_lora(rank, a_initializer, b_initializer, rank if lora_alpha is None else lora_alpha)

    def _check_unconstrained(self, what: str) -> None:
        if getattr(self, f"{self.adapts}_constraint") is not None:
            raise ConfigError(f"{what}: lora is incompatible with {self.adapts} constraints, which would hold for the frozen part alone")

    def _add_lora(self, rank: int, a_initializer: Any, b_initializer: Any, alpha: Any) -> None:
        self._check_unconstrained(f"{type(self).__name__} {self.name!r}")
        shape, regularizer = self._frozen.shape, getattr(self, f"{self.adapts}_regularizer")
        for part, initializer, sizes in (("a", a_initializer, (*shape[:-1], rank)), ("b", b_initializer, (rank, shape[-1]))):
            name = f"lora_{self.adapts}_{part}"
            setattr(self, name, self.add_weight(shape=sizes, initializer=initializer, regularizer=regularizer, name=name))
        self._frozen.trainable = False
        self.lora_enabled, self.lora_rank, self.lora_alpha = True, rank, alpha

    @property
    def _frozen(self) -> Variable:
        return getattr(self, f"_{self.adapts}")

    @property
    def _factors(self) -> tuple[Variable, Variable]:
        return getattr(self, f"lora_{self.adapts}_a"), getattr(self, f"lora_{self.adapts}_b")

    def _adapted(self) -> Any:
        """The weight in use: the variable itself, or with its difference."""
        if not self.lora_enabled:
            return self._frozen
        a, b = self._factors
        return ops.add(self._base(), ops.multiply(self._scale, ops.matmul(a, b)))

    def _base(self) -> Any:
        """What the difference is added to."""
        return self._frozen

    @property
    def _scale(self) -> float:
        """alpha / rank."""
        return (self.lora_alpha or 0) / (self.lora_rank or 1)

    def _stored_variables(self) -> list[Variable]:
        """Those of a layer without a difference."""
        factors = self._factors if self.lora_enabled else ()
        return [v for v in super()._stored_variables() if not any(v is factor for factor in factors)]

    def _stored_values(self) -> list[Any]:
        """The values of a layer without a difference, which is added."""
        merged = self._merged() if self.lora_enabled else {}
        return [np.asarray(merged[v.uid]) if v.uid in merged else v.numpy() for v in self._stored_variables()]

    def _merged(self) -> dict[int, Any]:
        """The values that hold the weight with its difference, by the uid of their variable."""
        return {self._frozen.uid: self._adapted()}

    def load_own_variables(self, store: Any) -> None:
        """Read the weights of a layer without a difference; it is 0 afterwards, and can be trained from there."""
        super().load_own_variables(store)
        if self.lora_enabled:
            b = self._factors[1]
            b.set(np.zeros(b.shape, b.dtype))

    def _state_variables(self) -> list[Variable] | None:
        if self.lora_enabled or type(self).load_own_variables is not LowRank.load_own_variables:
            return None  # reading does more than to set them: the difference becomes 0
        return self._stored_variables()

    def get_config(self) -> dict[str, Any]:
        own = {} if self.lora_rank is None else {"lora_rank": self.lora_rank, "lora_alpha": self.lora_alpha}
        return {**super().get_config(), **own}
