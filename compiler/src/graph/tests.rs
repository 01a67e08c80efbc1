//! Whole policies: the graph leads where the policy decides, whatever is preferred.
//!
//! Some policies by default; `CALLGATE_CASES=100000` draws so many.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::*;
use crate::abi::{Abi, X32_BIT};
use crate::call::SyscallData;
use crate::samples::{policies, values};

/// What a word of `seccomp_data` holds for a call of an ABI.
fn word(call: &SyscallData, abi: Abi, word: Word) -> u32 {
    match word {
        Word::TOKEN => call.arch,
        Word::NUMBER => call.nr,
        _ => {
            // The offset is within six arguments.
            let argument = word.argument().unwrap_or_default();
            let value = call.args[usize::from(argument)];
            let low = word == Word::low(argument, abi.endian());
            (if low { value } else { value >> 32 } & 0xffff_ffff) as u32
        }
    }
}

#[test]
fn every_call_of_random_policies_goes_where_it_is_decided() {
    let cases = std::env::var("CALLGATE_CASES").map_or(256, |cases| cases.parse().expect("a number"));
    let mut runner = TestRunner::new(Config { cases, ..Config::default() });
    let calls = (0..Abi::ALL.len(), 0_u32..24, any::<u32>(), prop::array::uniform6(values()));
    let drawn = (policies(), prop::collection::vec(calls, 32));
    let tested = runner.run(&drawn, |(policy, calls)| {
        for prefer in [Prefer::Short, Prefer::Quick] {
            let (graph, root) = of_policy(&policy, prefer);
            for &(abi, near, far, args) in &calls {
                let abi = Abi::ALL[abi];
                for nr in [near, near | X32_BIT, far] {
                    let call = SyscallData::new(abi.token(), nr, args);
                    let wanted = Node::Leaf(policy.decide(&call).action);
                    if graph.end(root, &|which| word(&call, abi, which)) != &wanted {
                        return Err(TestCaseError::fail(format!("{call:?} isn't {wanted:?}")));
                    }
                }
            }
        }
        Ok(())
    });
    tested.expect("the graph is the policy");
    eprintln!("{cases} policies: every call goes where it is decided");
}
