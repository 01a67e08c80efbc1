//! ABI: which ABIs a profile speaks for, and what it says there.

family!("abi":);
