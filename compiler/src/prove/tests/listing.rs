//! Lists of differences against deciding each call.

use proptest::prelude::*;

use super::interpreter::{instruction, jeq, ld, program, ret};
use super::policies::{carried_out, some_data, some_policy, two_abis};
use crate::abi::Endian;
use crate::action::Action;
use crate::prove::{Budget, Filter, Relation, WordOrder, differences};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_complete_list_names_every_number_that_differs(
        a in some_policy(),
        b in some_policy(),
        data in prop::collection::vec(some_data(), 300),
    ) {
        for relation in [Relation::Equal, Relation::Within] {
            let list = differences(relation, Filter::Policy(&a), Filter::Policy(&b), 100, Budget::default()).unwrap();
            prop_assert!(list.complete);
            for range in &list.ranges {
                let data = range.witness.data;
                prop_assert_eq!((data.arch, data.nr), (range.tokens.0, range.numbers.0));
                prop_assert_eq!(carried_out(&a, &data), range.witness.left);
                prop_assert_eq!(carried_out(&b, &data), range.witness.right);
                prop_assert!(!relation.holds(range.witness.left, range.witness.right));
            }
            for data in &data {
                let listed = list.ranges.iter().any(|range| {
                    (range.tokens.0..=range.tokens.1).contains(&data.arch)
                        && (range.numbers.0..=range.numbers.1).contains(&data.nr)
                });
                prop_assert!(listed || relation.holds(carried_out(&a, data), carried_out(&b, data)));
            }
        }
    }
}

#[test]
fn ranges_are_as_wide_as_they_are() {
    let policy = two_abis();
    let mut other = policy.clone();
    other.abis.get_mut(&crate::abi::Abi::X86).unwrap().rest.action = Action::Errno(38);
    let list =
        differences(Relation::Equal, Filter::Policy(&policy), Filter::Policy(&other), 9, Budget::default()).unwrap();
    let numbers: Vec<_> = list.ranges.iter().map(|range| (range.tokens, range.numbers)).collect();
    let x86 = (0x4000_0003, 0x4000_0003);
    assert_eq!(numbers, [(x86, (0, 2)), (x86, (4, 358)), (x86, (360, u32::MAX))]);
    assert!(list.complete);
}

#[test]
fn the_limit_ends_a_list_without_end() {
    let odd = program([ld(0), instruction(0x45, 0, 1, 1), ret(Action::Allow), ret(Action::Log)]);
    let one = program([ld(0), jeq(1, 0, 1), ret(Action::Allow), ret(Action::Log)]);
    let of = |program| Filter::Program(program, WordOrder::Machine(Endian::Little));
    let list = differences(Relation::Equal, of(&odd), of(&one), 3, Budget::default()).unwrap();
    let numbers: Vec<_> = list.ranges.iter().map(|range| range.numbers).collect();
    assert_eq!((numbers, list.complete), (vec![(3, 3), (5, 5), (7, 7)], false));
    let none = differences(Relation::Within, of(&one), of(&odd), 0, Budget::default()).unwrap();
    assert_eq!((none.ranges, none.complete), (Vec::new(), true));
}
