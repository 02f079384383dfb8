"""The stacked trainer's peer: TD3+BC and IQL in plain JAX, vmapped over runs and jitted, written from the papers alone.

Nothing of the stacked trainer is used, and nothing but JAX: networks, Adam and targets are a few lines each. A block of
steps is one compiled `scan`; rows and noise are drawn inside it by JAX's own generator, its cheapest (`rbg`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Tree = Any
Batch = dict[str, jax.Array]

GAMMA, TAU, LEARNING_RATE = 0.99, 0.005, 3e-4
ALPHA, SIGMA, CLIP, ACTOR_INTERVAL = 2.5, 0.2, 0.5, 2
EXPECTILE, TEMPERATURE, LARGEST_WEIGHT = 0.7, 3.0, 100.0
LEAST_LOG_STD, LARGEST_LOG_STD = -5.0, 2.0


def mlp(layers: Tree, inputs: jax.Array) -> jax.Array:
    """A ReLU network: (b, inputs) to (b, outputs)."""
    for weight, bias in layers[:-1]:
        inputs = jax.nn.relu(inputs @ weight + bias)
    weight, bias = layers[-1]
    return inputs @ weight + bias


def draw_mlp(key: jax.Array, sizes: Sequence[int]) -> Tree:
    """Layers of `sizes`, uniform in ±1/√inputs."""
    keys = jax.random.split(key, len(sizes) - 1)
    bounds = [size**-0.5 for size in sizes]
    return [
        (jax.random.uniform(k, (n, m), minval=-c, maxval=c), jnp.zeros(m))
        for k, n, m, c in zip(keys, sizes, sizes[1:], bounds, strict=False)
    ]


def adam(parameters: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
    """One step of Adam. Source: Kingma & Ba 2015."""
    count, means, squares = state
    count = count + 1
    means = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, means, gradients)
    squares = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, squares, gradients)
    rate, scale = LEARNING_RATE / (1.0 - 0.9**count), 1.0 / (1.0 - 0.999**count)
    moved = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v * scale) + 1e-8), parameters, means, squares)
    return moved, (count, means, squares)


def fresh_adam(parameters: Tree) -> Tree:
    """The state of Adam before its first step."""
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    return jnp.zeros(()), zeros, zeros


def move(target: Tree, source: Tree) -> Tree:
    """θ̄ ← (1 - τ) θ̄ + τ θ."""
    return jax.tree.map(lambda slow, fast: (1.0 - TAU) * slow + TAU * fast, target, source)


def values_of(critics: Tree, observations: jax.Array, actions: jax.Array) -> jax.Array:
    """Both critics: (2, b)."""
    pairs = jnp.concatenate([observations, actions], axis=-1)
    return jax.vmap(lambda layers: mlp(layers, pairs)[:, 0])(critics)


def td3_plus_bc_state(key: jax.Array, o: int, a: int, width: int) -> Tree:
    """Networks, targets and moments of one run."""
    first, second = jax.random.split(key)
    actor = draw_mlp(first, (o, width, width, a))
    critics = jax.vmap(lambda k: draw_mlp(k, (o + a, width, width, 1)))(jax.random.split(second))
    return {
        "actor": actor,
        "critics": critics,
        "targets": (actor, critics),
        "adams": (fresh_adam(actor), fresh_adam(critics)),
    }


def td3_plus_bc(state: Tree, batch: Batch, noise: jax.Array, with_actor: bool) -> Tree:
    """One step. Source: Fujimoto & Gu 2021."""
    (slow_actor, slow_critics), (actor_adam, critic_adam) = state["targets"], state["adams"]
    smoothing = jnp.clip(SIGMA * noise, -CLIP, CLIP)
    next_actions = jnp.clip(jnp.tanh(mlp(slow_actor, batch["next_observations"])) + smoothing, -1.0, 1.0)
    next_values = values_of(slow_critics, batch["next_observations"], next_actions).min(axis=0)
    targets = batch["rewards"] + GAMMA * batch["continues"] * next_values

    def critic_loss(critics: Tree) -> jax.Array:
        values = values_of(critics, batch["observations"], batch["actions"])
        return jnp.square(values - targets).mean(axis=-1).sum()

    loss, gradients = jax.value_and_grad(critic_loss)(state["critics"])
    critics, critic_adam = adam(state["critics"], gradients, critic_adam)
    state = state | {"critics": critics, "adams": (actor_adam, critic_adam), "loss": loss}
    if not with_actor:
        return state

    def actor_loss(actor: Tree) -> jax.Array:
        actions = jnp.tanh(mlp(actor, batch["observations"]))
        first = jax.tree.map(lambda p: p[0], critics)
        values = mlp(first, jnp.concatenate([batch["observations"], actions], axis=-1))[:, 0]
        weight = ALPHA / jax.lax.stop_gradient(jnp.abs(values).mean())
        return -weight * values.mean() + jnp.square(actions - batch["actions"]).mean()

    gradients = jax.grad(actor_loss)(state["actor"])
    actor, actor_adam = adam(state["actor"], gradients, actor_adam)
    slow = (move(slow_actor, actor), move(slow_critics, critics))
    return state | {"actor": actor, "targets": slow, "adams": (actor_adam, critic_adam)}


def iql_state(key: jax.Array, o: int, a: int, width: int) -> Tree:
    """Networks, targets and moments of one run."""
    first, second, third = jax.random.split(key, 3)
    actor = (draw_mlp(first, (o, width, width, a)), jnp.zeros(a))
    critics = jax.vmap(lambda k: draw_mlp(k, (o + a, width, width, 1)))(jax.random.split(second))
    value = draw_mlp(third, (o, width, width, 1))
    adams = (fresh_adam(actor), fresh_adam((critics, value)))
    return {"actor": actor, "critics": critics, "value": value, "targets": critics, "adams": adams}


def iql(state: Tree, batch: Batch, noise: jax.Array, with_actor: bool) -> Tree:
    """One step. Source: Kostrikov, Nair & Levine 2022."""
    actor_adam, critic_adam = state["adams"]
    data_values = values_of(state["targets"], batch["observations"], batch["actions"]).min(axis=0)

    def critic_loss(networks: Tree) -> jax.Array:
        critics, value = networks
        next_values = jax.lax.stop_gradient(mlp(value, batch["next_observations"])[:, 0])
        targets = batch["rewards"] + GAMMA * batch["continues"] * next_values
        values = values_of(critics, batch["observations"], batch["actions"])
        difference = data_values - mlp(value, batch["observations"])[:, 0]
        asymmetry = jnp.where(difference < 0, 1.0 - EXPECTILE, EXPECTILE)
        return jnp.square(values - targets).mean(axis=-1).sum() + (asymmetry * jnp.square(difference)).mean()

    networks = (state["critics"], state["value"])
    loss, gradients = jax.value_and_grad(critic_loss)(networks)
    (critics, value), critic_adam = adam(networks, gradients, critic_adam)
    advantages = data_values - mlp(value, batch["observations"])[:, 0]
    weights = jnp.minimum(jnp.exp(TEMPERATURE * advantages), LARGEST_WEIGHT)

    def actor_loss(actor: Tree) -> jax.Array:
        layers, raw = actor
        log_std = LEAST_LOG_STD + (LARGEST_LOG_STD - LEAST_LOG_STD) * jax.nn.sigmoid(raw)
        deviations = (batch["actions"] - jnp.tanh(mlp(layers, batch["observations"]))) / jnp.exp(log_std)
        return (weights * (0.5 * jnp.square(deviations) + log_std).sum(axis=-1)).mean()

    actor, actor_adam = adam(state["actor"], jax.grad(actor_loss)(state["actor"]), actor_adam)
    moved = {"actor": actor, "critics": critics, "value": value, "adams": (actor_adam, critic_adam), "loss": loss}
    return state | moved | {"targets": move(state["targets"], critics)}


PEERS: dict[str, tuple[Callable[..., Tree], Callable[..., Tree], int]] = {
    "td3-plus-bc": (td3_plus_bc_state, td3_plus_bc, ACTOR_INTERVAL),
    "iql": (iql_state, iql, 1),
}


class JaxTraining:
    """`runs` runs of `algorithm` in training; each has rewards (runs, n) of its own and the same `arrays`.

    arrays  `observations` (n, o), `actions` (n, a), `next_observations` (n, o) and `continues` (n,), float32
    """

    def __init__(
        self, algorithm: str, arrays: dict[str, np.ndarray], rewards: np.ndarray, width: int, batch: int
    ) -> None:
        start, self._update, self.period = PEERS[algorithm]
        self._columns = {name: array.shape[-1] for name, array in arrays.items() if array.ndim == 2}
        self._table = jnp.concatenate([jnp.asarray(a).reshape(len(a), -1) for a in arrays.values()], axis=1)
        self._names = list(arrays)
        self._rewards = jnp.asarray(rewards)
        self._batch, self._n = batch, rewards.shape[1]
        sizes = (self._columns["observations"], self._columns["actions"], width)
        keys = jax.random.split(jax.random.key(0, impl="rbg"), len(rewards))
        state = jax.vmap(lambda key: start(key, *sizes))(keys) | {"loss": jnp.zeros(len(rewards))}
        # A target starts as its source, and a buffer can be given away once.
        self._state = jax.tree.map(jnp.copy, state)
        self._key = jax.random.key(1, impl="rbg")
        self._block = jax.jit(self._train, static_argnames="periods", donate_argnames="state")

    def train(self, steps: int) -> None:
        """`steps` gradient steps, a multiple of `period`, waited for."""
        self._key, key = jax.random.split(self._key)
        self._state = self._block(self._state, key, self._table, self._rewards, periods=steps // self.period)
        jax.block_until_ready(self._state)

    @property
    def losses(self) -> np.ndarray:
        """The critics' loss of each run before the last step."""
        return np.asarray(self._state["loss"])

    def _train(self, state: Tree, key: jax.Array, table: jax.Array, rewards: jax.Array, periods: int) -> Tree:
        def period(carry: Tree, key: jax.Array) -> tuple[Tree, None]:
            for number, step_key in enumerate(jax.random.split(key, self.period)):
                carry = self._step(carry, step_key, table, rewards, with_actor=number == 0)
            return carry, None

        return jax.lax.scan(period, state, jax.random.split(key, periods))[0]

    def _step(self, state: Tree, key: jax.Array, table: jax.Array, rewards: jax.Array, with_actor: bool) -> Tree:
        for_rows, for_noise = jax.random.split(key)
        shape = (len(rewards), self._batch)
        rows = jax.random.randint(for_rows, shape, 0, self._n)
        noise = jax.random.normal(for_noise, (*shape, self._columns["actions"]))
        gathered, batch, start = table[rows], {}, 0
        for name in self._names:
            size = self._columns.get(name)
            batch[name] = gathered[..., start] if size is None else gathered[..., start : start + size]
            start += size or 1
        batch["rewards"] = jnp.take_along_axis(rewards, rows, axis=1)
        return jax.vmap(partial(self._update, with_actor=with_actor))(state, batch, noise)
