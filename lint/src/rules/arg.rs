//! ARG: conditions that ask something else than they seem to.

family!("arg":);
