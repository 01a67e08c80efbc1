//! STY: how a profile reads.

family!("sty":);
