//! ERR: what a refused call answers.

family!("err":);
