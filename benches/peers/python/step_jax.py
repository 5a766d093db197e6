"""The VAE 784-400-20 in JAX, an epoch compiled as one scan over batches: prints seconds per epoch."""

import adam_jax
import jax
import jax.numpy as jnp
import mnist

SIZES = {"hidden": (784, 400), "code": (400, 40), "up": (20, 400), "logits": (400, 784)}


def layer(key, inputs, outputs):
    """Uniform in ±1/√inputs, as in PyTorch."""
    bound = inputs**-0.5
    weight, bias = jax.random.split(key)
    uniform = lambda key, shape: jax.random.uniform(key, shape, minval=-bound, maxval=bound)
    return uniform(weight, (inputs, outputs)), uniform(bias, (outputs,))


def loss_of(params, x, key):
    """-ELBO in nats per image."""
    linear = lambda name, x: x @ params[name][0] + params[name][1]
    mu, logvar = jnp.split(linear("code", jax.nn.relu(linear("hidden", x))), 2, axis=1)
    z = mu + jax.random.normal(key, mu.shape) * jnp.exp(logvar / 2)
    y = linear("logits", jax.nn.relu(linear("up", z)))
    recon = jnp.sum(jax.nn.softplus(y) - x * y)
    kl = jnp.sum(jnp.exp(logvar) + jnp.square(mu) - logvar - 1) / 2
    return (recon + kl) / len(x)


def new(x, batch):
    x = jnp.asarray(x)
    keys = jax.random.split(jax.random.key(1), len(SIZES))
    params = {name: layer(key, *sizes) for key, (name, sizes) in zip(keys, SIZES.items())}
    carry = (params, adam_jax.start(params), jax.random.key(2))

    def step(x, carry, rows):
        params, state, key = carry
        key, noise = jax.random.split(key)
        loss, grads = jax.value_and_grad(loss_of)(params, x[rows], noise)
        return (*adam_jax.step(params, grads, state), key), loss

    scan = jax.jit(lambda carry, order, x: jax.lax.scan(lambda c, rows: step(x, c, rows), carry, order), donate_argnums=0)

    def epoch(order):
        nonlocal carry
        carry, losses = scan(carry, order, x)
        return float(jnp.mean(losses))

    return epoch


mnist.train(new, jax.__version__)
