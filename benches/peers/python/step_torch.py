"""The VAE 784-400-20 in PyTorch: step_torch.py --MODE DATA EPOCHS BATCH... prints seconds per epoch.

`--eager` is what most programs say. `--fused` is the best that eager mode has: one product for mu and logvar, Adam in
one kernel, denormal numbers flushed, the loss read once per epoch. `--compile` is that through torch.compile,
`--autocast` that with products in bfloat16.
"""

import sys

import mnist
import torch
from torch import nn
from torch.nn import functional

MODE = sys.argv[1]
torch.set_flush_denormal(MODE != "--eager")


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.up, self.logits = nn.Linear(784, 400), nn.Linear(20, 400), nn.Linear(400, 784)
        if MODE == "--eager":
            self.mu, self.logvar = nn.Linear(400, 20), nn.Linear(400, 20)
        else:
            self.code = nn.Linear(400, 40)

    def forward(self, x):
        """-ELBO in nats per image."""
        h = self.hidden(x).relu()
        mu, logvar = (self.mu(h), self.logvar(h)) if MODE == "--eager" else self.code(h).chunk(2, dim=1)
        z = mu + torch.randn_like(mu) * (logvar / 2).exp()
        y = self.logits(self.up(z).relu())
        recon = functional.binary_cross_entropy_with_logits(y.float(), x, reduction="sum")
        kl = (logvar.exp() + mu.square() - logvar - 1).sum() / 2
        return (recon + kl) / len(x)


def new(x, batch):
    torch.manual_seed(1)
    x, vae = torch.from_numpy(x), Vae()
    adam = torch.optim.Adam(vae.parameters(), lr=1e-3, fused=MODE != "--eager")
    loss_of = torch.compile(vae, dynamic=False) if MODE == "--compile" else vae

    def epoch(order):
        total = 0.0
        for rows in torch.from_numpy(order):
            adam.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=MODE == "--autocast"):
                loss = loss_of(x[rows])
            loss.backward()
            adam.step()
            total += loss.item() if MODE == "--eager" else loss.detach()
        return float(total) / len(order)

    return epoch


mnist.train(new, torch.__version__)
