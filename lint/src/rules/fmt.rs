//! FMT: the form of a file.

family!("fmt":);
