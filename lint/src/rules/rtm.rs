//! RTM: what engines make of a profile.

family!("rtm":);
