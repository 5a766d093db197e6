//! The functions by name, over slices.

use crate::Real;
use crate::kernels::elementwise::{self, Function1, Shortcut};
use crate::kernels::isa::{Isa, dispatch_to};
use crate::kernels::math;

macro_rules! functions {
    ($($(#[$doc:meta])* $function:ident: $method:ident $(, $shortcut:ident if $is_usual:ident => $call_usual:ident $(where $pays:ident)?)?;)*) => {
        /// A function of one number.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Function {
            $($(#[$doc])* $function,)*
        }

        impl Function {
            /// All of them.
            pub const ALL: &'static [Function] = &[$(Function::$function),*];

            /// Its name: that of the method of [`Real`].
            pub fn name(self) -> &'static str {
                match self {
                    $(Function::$function => stringify!($method),)*
                }
            }
        }

        $(
            #[derive(Clone, Copy)]
            pub(crate) struct $function;

            impl Function1 for $function {
                #[inline(always)]
                fn call<T: Real>(self, x: T) -> T {
                    x.$method()
                }

                $(
                    const SHORTCUT: Shortcut = Shortcut::$shortcut;

                    #[inline(always)]
                    fn is_usual<T: Real>(self, x: T) -> bool {
                        math::$is_usual(x)
                    }

                    #[inline(always)]
                    fn call_usual<T: Real>(self, x: T) -> T {
                        math::$call_usual(x)
                    }

                    $(
                        #[inline(always)]
                        fn pays(self) -> bool {
                            math::$pays()
                        }
                    )?
                )?
            }
        )*

        /// y = f(x), element by element, on all threads.
        ///
        /// ```
        /// use elbo_tensor::kernels::math::{Function, map};
        ///
        /// let mut y = [0.0; 2];
        /// map(Function::Exp, &[0.0, 1.0], &mut y);
        /// assert_eq!(y, [1.0, std::f64::consts::E]);
        /// ```
        ///
        /// # Panics
        /// If the lengths differ.
        pub fn map<T: Real>(function: Function, x: &[T], y: &mut [T]) {
            match function {
                $(Function::$function => elementwise::map($function, x, y),)*
            }
        }

        /// The same on one thread and a given instruction set.
        ///
        /// # Panics
        /// If the lengths differ or the machine lacks the set.
        pub fn map_on<T: Real>(isa: Isa, function: Function, x: &[T], y: &mut [T]) {
            assert_eq!(x.len(), y.len());
            match function {
                $(Function::$function => dispatch_to(isa, elementwise::Map($function, x, y, false)),)*
            }
        }
    };
}

functions! {
    /// eˣ
    Exp: exp, Chunks if is_bounded => exp_of_bounded;
    /// eˣ - 1
    ExpM1: exp_m1;
    /// ln x
    Ln: ln, Chunks if is_normal => ln_of_normal;
    /// ln(1 + x)
    Ln1p: ln_1p, Chunks if is_within_digits => ln_1p_within_digits;
    /// tanh x
    Tanh: tanh;
    /// 1 / (1 + e^(-x))
    Sigmoid: sigmoid, Chunks if is_bounded => sigmoid_of_bounded;
    /// ln(1 + eˣ)
    Softplus: softplus, Chunks if is_bounded => softplus_of_bounded;
    /// (2/√π) ∫₀ˣ e^(-t²) dt
    Erf: erf, Chunks if is_below_three => erf_below_three;
    /// x Φ(x), Φ the normal distribution function
    Gelu: gelu, Chunks if has_normal_density => gelu_of_normal_density;
    /// Φ(x), the standard normal distribution function
    NormalCdf: normal_cdf, Chunks if has_normal_density => normal_cdf_of_normal_density;
    /// x / (1 + e^(-x))
    Silu: silu, Chunks if is_bounded => silu_of_bounded;
    /// sin x
    Sin: sin, Numbers if is_moderate => sin_moderate;
    /// cos x
    Cos: cos, Numbers if is_moderate => cos_moderate;
    /// √x
    Sqrt: sqrt, Chunks if is_central => sqrt_of_central where roots_take_long;
}
