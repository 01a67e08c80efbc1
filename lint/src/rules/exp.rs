//! EXP: what of the kernel a profile leaves within reach.

mod reach;

family!("exp": kernel_module_loading);
