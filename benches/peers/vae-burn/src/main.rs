//! The VAE 784-400-20 in burn, on its processor backend: `peer-vae-burn DATA EPOCHS BATCH...` prints
//! seconds per epoch as JSON.

use burn::module::{Initializer, Module};
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Tensor, TensorData};
use peer_mnist::PIXELS;

#[derive(Module, Debug)]
struct Vae {
    hidden: Linear,
    code: Linear,
    up: Linear,
    logits: Linear,
}

impl Vae {
    fn new(device: &Device) -> Vae {
        // Uniform in ±1/√inputs, as in PyTorch.
        let linear = |inputs: usize, outputs| {
            let bound = (inputs as f64).powf(-0.5);
            let uniform = Initializer::Uniform { min: -bound, max: bound };
            LinearConfig::new(inputs, outputs).with_initializer(uniform).init(device)
        };
        Vae {
            hidden: linear(PIXELS, 400),
            code: linear(400, 40),
            up: linear(20, 400),
            logits: linear(400, PIXELS),
        }
    }

    /// -ELBO in nats per image.
    fn loss(&self, x: Tensor<2>) -> Tensor<1> {
        let [batch, _] = x.dims();
        let code = self.code.forward(relu(self.hidden.forward(x.clone())));
        let (mu, logvar) = (code.clone().narrow(1, 0, 20), code.narrow(1, 20, 20));
        let eps = Tensor::random(mu.dims(), Distribution::Normal(0.0, 1.0), &mu.device());
        let z = mu.clone() + eps * (logvar.clone() / 2.0).exp();
        let y = self.logits.forward(relu(self.up.forward(z)));
        // ln(1 + eʸ) - x y, without overflow.
        let softplus = relu(y.clone()) + y.clone().abs().neg().exp().log1p();
        let recon = (softplus - y * x).sum();
        let kl = (logvar.clone().exp() + mu.square() - logvar - 1.0).sum() / 2.0;
        (recon + kl) / batch as f64
    }
}

fn main() {
    let device = Device::flex().autodiff();
    peer_mnist::train(|| {
        let mut vae = Some(Vae::new(&device));
        let mut adam = AdamConfig::new().with_epsilon(1e-8).init();
        let device = device.clone();
        move |pixels| {
            // A step takes the model and gives back a new one.
            let old = vae.take().expect("put back by the step before");
            let shape = [pixels.len() / PIXELS, PIXELS];
            let loss = old.loss(Tensor::from_data(TensorData::new(pixels, shape), &device));
            let gradients = GradientsParams::from_grads(loss.backward(), &old);
            vae = Some(adam.step(1e-3, old, gradients));
            loss.into_scalar::<f32>()
        }
    });
}
