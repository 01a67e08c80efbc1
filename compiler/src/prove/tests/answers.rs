//! Pairs of answers against deciding each call.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::inputs::{call, is};
use super::policies::{carried_out, some_data, some_policy};
use crate::abi::Abi;
use crate::action::Action;
use crate::policy::{AbiPolicy, CallPolicy, Decision, Policy};
use crate::prove::{Budget, Filter, Relation, answers, differences};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_pair_of_answers_is_found_and_true(
        a in some_policy(),
        b in some_policy(),
        data in prop::collection::vec(some_data(), 300),
    ) {
        for relation in [Relation::Equal, Relation::Within] {
            let (left, right) = (Filter::Policy(&a), Filter::Policy(&b));
            let list = answers(relation, left, right, 100, Budget::default()).unwrap();
            prop_assert!(list.complete);
            let ranges = differences(relation, left, right, 100, Budget::default()).unwrap().ranges;
            prop_assert_eq!(list.ranges.len(), ranges.len());
            for (found, range) in list.ranges.iter().zip(&ranges) {
                prop_assert_eq!((found.tokens, found.numbers), (range.tokens, range.numbers));
                prop_assert!(found.pairs.contains(&range.witness), "the smallest of all is one of them");
                for pair in &found.pairs {
                    prop_assert_eq!((pair.data.arch, pair.data.nr), (found.tokens.0, found.numbers.0));
                    prop_assert_eq!((carried_out(&a, &pair.data), carried_out(&b, &pair.data)), (pair.left, pair.right));
                    prop_assert!(!relation.holds(pair.left, pair.right));
                }
            }
            for data in &data {
                let (left, right) = (carried_out(&a, data), carried_out(&b, data));
                let of_range = list.ranges.iter().find(|range| {
                    (range.tokens.0..=range.tokens.1).contains(&data.arch)
                        && (range.numbers.0..=range.numbers.1).contains(&data.nr)
                });
                let found = of_range.is_some_and(|range| {
                    range.pairs.iter().any(|pair| (pair.left, pair.right) == (left, right))
                });
                prop_assert_eq!(found, !relation.holds(left, right));
                if let Some(range) = of_range.filter(|range| range.always) {
                    prop_assert_eq!((range.pairs[0].left, range.pairs[0].right), (left, right));
                }
            }
        }
    }
}

#[test]
fn a_call_that_differs_both_ways_has_both_pairs() {
    let of = |call: CallPolicy| {
        let rest = Decision { action: Action::Errno(1), ..call.otherwise.clone() };
        let abi = AbiPolicy { calls: BTreeMap::from([(41, call)]), rest: rest.clone() };
        let abis = BTreeMap::from([(Abi::X86_64, abi)]);
        Policy {
            abis,
            foreign: BTreeMap::new(),
            other: rest,
            flags: Vec::new(),
            listener: None,
            listener_metadata: None,
        }
    };
    let one = of(call(&[(is(0, 1), Action::Allow)], Action::Errno(1)));
    let two = of(call(&[(is(0, 2), Action::Allow)], Action::Errno(1)));
    let list = answers(Relation::Equal, Filter::Policy(&one), Filter::Policy(&two), 9, Budget::default()).unwrap();
    let pairs = &list.ranges[0].pairs;
    assert_eq!(list.ranges.len(), 1);
    assert!(!list.ranges[0].always);
    let found: Vec<_> = pairs.iter().map(|pair| (pair.left, pair.right, pair.data.args[0])).collect();
    assert_eq!(found, [(Action::Errno(1), Action::Allow, 2), (Action::Allow, Action::Errno(1), 1)]);
}
