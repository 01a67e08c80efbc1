//! Diagrams against the values themselves.

use proptest::prelude::*;

use super::*;

fn set() -> impl Strategy<Value = (u32, Vec<(u32, u32)>)> {
    let ranges = prop::collection::vec((0_u32..40, 0_u32..4), 0..4).prop_map(|ranges| {
        let set = crate::condition::ValueSet::of(ranges.into_iter().map(|(at, span)| (at.into(), (at + span).into())));
        set.ranges().iter().map(|&(low, high)| (low as u32, high as u32)).collect()
    });
    (prop_oneof![Just(u32::MAX), 0_u32..64], ranges)
}

fn holds((mask, ranges): &(u32, Vec<(u32, u32)>), value: u32) -> bool {
    ranges.iter().any(|&(low, high)| (low..=high).contains(&(value & mask)))
}

fn values() -> std::ops::Range<u32> {
    0..128
}

proptest! {
    /// A test is its set; a combination is the combined ends; runs are the function.
    #[test]
    fn functions_are_what_they_say(one in set(), other in set(), more in 0_u32..64) {
        let mut functions = Functions::default();
        functions.allow(10_000);
        let a = functions.test(one.0, &one.1).unwrap();
        let b = functions.test(other.0, &other.1).unwrap();
        let both = functions.combine(a, b, &mut |a, b| a * 2 + b).unwrap();
        let given = functions.given(both, b, true).unwrap();
        for value in values() {
            let (a, b) = (u32::from(holds(&one, value)), u32::from(holds(&other, value)));
            prop_assert_eq!(functions.end(both, value), a * 2 + b);
            prop_assert_eq!(functions.end(given, value), if b == 1 { a * 2 + b } else { ANY });
        }
        let mask = functions.support(given) | more;
        let runs = functions.runs(given, mask, 1000);
        // Of all 32 bits it may take too long to say.
        prop_assert!(runs.is_some() || mask > 127);
        for run in runs.unwrap_or_default() {
            prop_assert_eq!(functions.end(given, run.first), run.end);
            prop_assert_eq!(functions.end(given, run.last), run.end);
            for value in values().filter(|value| (run.first..=run.last).contains(&(value & mask))) {
                let end = functions.end(given, value);
                prop_assert!(end == run.end || end == ANY);
            }
        }
    }

    /// The law of free bits, against its definition, for every value.
    #[test]
    fn a_free_bit_can_go(one in set(), known in set(), bit in 0_u8..7) {
        let mut functions = Functions::default();
        functions.allow(10_000);
        let f = functions.test(one.0, &one.1).unwrap();
        let care = functions.test(known.0, &known.1).unwrap();
        let f = functions.given(f, care, true).unwrap();
        let g = functions.without_bit(f, bit, &mut FxHashMap::default()).unwrap();
        let clash = functions.inner_nodes(f).iter().any(|&(own, zero, one)| own == bit && functions.clash(zero, one));
        prop_assert!(!clash || g.is_none());
        let free = values().all(|value| {
            let (zero, one) = (functions.end(f, value & !(1 << bit)), functions.end(f, value | 1 << bit));
            zero == one || zero == ANY || one == ANY
        });
        prop_assert_eq!(g.is_some(), free);
        for value in values() {
            let Some(g) = g else { break };
            let end = functions.end(f, value);
            prop_assert!(end == ANY || end == functions.end(g, value));
            prop_assert_eq!(functions.end(g, value), functions.end(g, value ^ 1 << bit));
        }
    }

    #[test]
    fn all_of_a_cube(one in set(), known in set(), base in 0_u32..64, free in 0_u32..64, end in 0_u32..2) {
        let mut functions = Functions::default();
        functions.allow(10_000);
        let f = functions.test(one.0, &one.1).unwrap();
        let care = functions.test(known.0, &known.1).unwrap();
        let f = functions.given(f, care, true).unwrap();
        let base = base & !free;
        let all = values().filter(|value| value & !free == base)
            .all(|value| [end, ANY].contains(&functions.end(f, value)));
        prop_assert_eq!(functions.leads_all(f, base, free, end), all);
    }
}

#[test]
fn the_budget_holds() {
    let mut functions = Functions::default();
    functions.allow(20);
    assert_eq!(functions.test(u32::MAX, &[(5, 70), (900, 900)]), Err(OverBudget));
    assert!(functions.nodes.len() <= 20);
}
