//! What the tests of this crate share.

use callgate_compiler::lower::Groups;

/// The groups that callgate ships.
pub(crate) fn groups() -> Groups {
    let members = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    callgate_profiles::groups::groups()
        .iter()
        .map(|(&name, group)| (name.to_owned(), members(&group.members)))
        .collect()
}
