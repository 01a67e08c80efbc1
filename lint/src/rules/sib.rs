//! SIB: calls that give the same power, treated differently.

family!("sib":);
