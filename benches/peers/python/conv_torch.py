"""The convolutional autoencoder in PyTorch: conv_torch.py --MODE DATA EPOCHS BATCH... prints seconds per 10,000 images.

`--default` keeps images in PyTorch's default layout, `--channels-last` in the one that its convolutions like better.
"""

import sys

import mnist
import torch
from torch import nn
from torch.nn import functional

LAYOUT = torch.channels_last if sys.argv[1] == "--channels-last" else torch.contiguous_format
torch.set_flush_denormal(True)


def autoencoder():
    def conv(inputs, outputs, padding=1):
        return [nn.Conv2d(inputs, outputs, 3, padding=padding), nn.ReLU()]

    pool, up = nn.MaxPool2d(2, ceil_mode=True), nn.Upsample(scale_factor=2)
    encoder = [*conv(1, 16), pool, *conv(16, 8), pool, *conv(8, 8), pool]  # 28, 14, 7, 4
    decoder = [*conv(8, 8), up, *conv(8, 8), up, *conv(8, 16, padding=0), up]  # 8, 16, 28
    return nn.Sequential(*encoder, *decoder, nn.Conv2d(16, 1, 3, padding=1))


def new(x, batch):
    torch.manual_seed(1)
    x = torch.from_numpy(x).view(-1, 1, 28, 28).to(memory_format=LAYOUT)
    model = autoencoder().to(memory_format=LAYOUT)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def epoch(order):
        total = 0.0
        for rows in torch.from_numpy(order):
            images = x[rows]
            adam.zero_grad()
            loss = functional.binary_cross_entropy_with_logits(model(images), images, reduction="sum") / batch
            loss.backward()
            adam.step()
            total += loss.detach()
        return float(total) / len(order)

    return epoch


mnist.train(new, torch.__version__, images=10_000, seconds_per=10_000)
