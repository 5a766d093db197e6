"""Adam in JAX, with PyTorch's settings."""

import jax
import jax.numpy as jnp


def start(params):
    return jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params), jnp.float32(0)


def step(params, grads, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v, t = state
    t = t + 1
    m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, m, grads)
    v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * jnp.square(g), v, grads)
    rate, scale = lr / (1 - beta1**t), 1 / jnp.sqrt(1 - beta2**t)
    params = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) * scale + eps), params, m, v)
    return params, (m, v, t)
