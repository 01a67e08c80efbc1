//! The language as its users meet it: what a text means as a tree, and what is said about a text that means nothing.

mod bounds;
mod diagnostics;
mod formatting;
mod page;
mod properties;
mod shape;
mod trees;
