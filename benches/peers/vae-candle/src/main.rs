//! The VAE 784-400-20 in candle: `peer-vae-candle DATA EPOCHS BATCH...` prints seconds per epoch as JSON.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{AdamW, Linear, Module, Optimizer, ParamsAdamW, VarBuilder, VarMap};
use peer_mnist::PIXELS;

struct Vae {
    hidden: Linear,
    code: Linear,
    up: Linear,
    logits: Linear,
}

impl Vae {
    fn new(variables: &VarMap) -> Result<Vae> {
        let root = VarBuilder::from_varmap(variables, DType::F32, &Device::Cpu);
        // Uniform in ±1/√inputs, as in PyTorch: candle's own start is another.
        let linear = |name: &str, inputs: usize, outputs: usize| {
            let bound = (inputs as f64).powf(-0.5);
            let uniform = candle_nn::Init::Uniform { lo: -bound, up: bound };
            let layer = root.pp(name);
            let weight = layer.get_with_hints((outputs, inputs), "weight", uniform)?;
            Ok::<_, candle_core::Error>(Linear::new(
                weight,
                Some(layer.get_with_hints(outputs, "bias", uniform)?),
            ))
        };
        Ok(Vae {
            hidden: linear("hidden", PIXELS, 400)?,
            code: linear("code", 400, 40)?,
            up: linear("up", 20, 400)?,
            logits: linear("logits", 400, PIXELS)?,
        })
    }

    /// -ELBO in nats per image.
    fn loss(&self, x: &Tensor) -> Result<Tensor> {
        let code = self.code.forward(&self.hidden.forward(x)?.relu()?)?;
        let (mu, logvar) = (code.narrow(1, 0, 20)?, code.narrow(1, 20, 20)?);
        let eps = mu.randn_like(0.0, 1.0)?;
        let z = (&mu + eps.mul(&(&logvar / 2.0)?.exp()?)?)?;
        let y = self.logits.forward(&self.up.forward(&z)?.relu()?)?;
        // ln(1 + eʸ) - x y, without overflow.
        let softplus = (y.relu()? + (y.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
        let recon = (softplus - x.mul(&y)?)?.sum_all()?;
        let kl = ((((logvar.exp()? + mu.sqr()?)? - &logvar)? - 1.0)?.sum_all()? / 2.0)?;
        (recon + kl)? / x.dim(0)? as f64
    }
}

fn main() {
    peer_mnist::train(|| {
        let variables = VarMap::new();
        let vae = Vae::new(&variables).expect("a model");
        let settings = ParamsAdamW { lr: 1e-3, weight_decay: 0.0, ..ParamsAdamW::default() };
        let mut adam = AdamW::new(variables.all_vars(), settings).expect("an optimizer");
        move |pixels| {
            let rows = pixels.len() / PIXELS;
            let step = || {
                let x = Tensor::from_vec(pixels, (rows, PIXELS), &Device::Cpu)?;
                let loss = vae.loss(&x)?;
                adam.backward_step(&loss)?;
                loss.to_scalar()
            };
            step().expect("a step")
        }
    });
}
