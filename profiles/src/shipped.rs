//! The policies that callgate ships, for `use: @name`.

/// Name and text, sorted by name.
const SHIPPED: &[(&str, &str)] = &[
    ("crun", include_str!("../policies/crun.gate")),
    ("docker-default", include_str!("../policies/docker-default.gate")),
    ("runc", include_str!("../policies/runc.gate")),
];

/// The text of a shipped policy.
#[must_use]
pub fn shipped(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The names of the shipped policies, sorted.
pub fn shipped_names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}
