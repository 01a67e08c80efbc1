//! Tokens and numbers worth asking about.

use std::collections::BTreeSet;

use crate::abi::{Abi, X32_BIT};
use crate::policy::Policy;

/// Numbers below this are all asked: more than any table has.
const ALL_BELOW: u32 = 1024;

/// Every known token, its neighbours, the tokens one flag away, and the ends.
pub(super) fn tokens() -> BTreeSet<u32> {
    let near = |token: u32| {
        [token, token.wrapping_sub(1), token.wrapping_add(1), token ^ 0x8000_0000, token ^ 0x4000_0000, token & 0xffff]
    };
    Abi::ALL.iter().flat_map(|abi| near(abi.token())).chain([0, u32::MAX]).collect()
}

/// The numbers to ask under a token: few under one the tables don't know, since no policy tells those apart.
pub(super) fn numbers(policy: &Policy, token: u32) -> BTreeSet<u32> {
    let edges = [
        0,
        1,
        X32_BIT - 1,
        X32_BIT,
        X32_BIT + 1,
        0x7fff_fffe,
        0x7fff_ffff,
        0x8000_0000,
        0x8000_0001,
        0xbfff_ffff,
        0xc000_0000,
        0xffff_fffd,
        0xffff_fffe,
        0xffff_ffff,
    ];
    let named = policy.abis.values().flat_map(|abi| abi.calls.keys().copied());
    if !Abi::ALL.iter().any(|abi| abi.token() == token) {
        return named.chain(edges).collect();
    }
    let around = |nr: u32| [nr.wrapping_sub(1), nr, nr.wrapping_add(1)];
    let both = |nr: u32| [nr, nr ^ X32_BIT];
    named.flat_map(around).chain(0..ALL_BELOW).flat_map(both).chain(edges).collect()
}
