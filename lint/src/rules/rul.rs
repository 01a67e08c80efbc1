//! RUL: what the rules of a profile do to each other.

family!("rul": permissive_default);
