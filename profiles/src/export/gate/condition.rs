//! Conditions as a policy spells them.

use callgate_compiler::abi::Abi;
use callgate_compiler::condition::{Atom, ValueSet};

use super::simplify::{Shape, opposite};
use super::words::Word;

/// What stands between the parentheses behind a call; `None` for a shape that is constant.
pub(super) fn arguments(abi: Abi, call: Option<&str>, shape: &Shape) -> Option<String> {
    match shape {
        Shape::Always | Shape::Never => None,
        // A comma is the loosest "and".
        Shape::All(parts) => Some(joined(parts, ", ", |part| said(abi, call, part, Level::Or))),
        other => Some(said(abi, call, other, Level::Or)),
    }
}

/// How tightly what stands around a condition binds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Or,
    And,
}

fn said(abi: Abi, call: Option<&str>, shape: &Shape, around: Level) -> String {
    match shape {
        Shape::Atom(atom) => test(&Word::of(abi, call, atom), atom),
        Shape::All(parts) => joined(parts, " && ", |part| said(abi, call, part, Level::And)),
        Shape::Any(parts) => {
            let text = joined(parts, " || ", |part| said(abi, call, part, Level::Or));
            if around == Level::And { format!("({text})") } else { text }
        }
        // `simplify` leaves no constant inside a condition.
        Shape::Always | Shape::Never => String::new(),
    }
}

fn joined(parts: &[Shape], between: &str, text: impl Fn(&Shape) -> String) -> String {
    parts.iter().map(text).collect::<Vec<_>>().join(between)
}

/// One test, in the shortest of the language's ways to say it.
fn test(word: &Word, atom: &Atom) -> String {
    let name = &word.name;
    let others = opposite(atom.mask, &atom.values);
    if !word.is_whole() {
        let bits = || word.flags(word.mask);
        if only(&atom.values) == Some(word.mask) {
            return format!("{name} has {}", bits());
        }
        if only(&atom.values) == Some(0) {
            return format!("{name} lacks {}", bits());
        }
    }
    let masked = if word.is_whole() {
        name.clone()
    } else {
        let mask = word.flags(word.mask);
        if mask.contains('|') && !mask.starts_with('~') {
            format!("{name} & ({mask})")
        } else {
            format!("{name} & {mask}")
        }
    };
    if let Some(value) = only(&atom.values) {
        return format!("{masked} == {}", word.value(value));
    }
    if let Some(value) = only(&others) {
        return format!("{masked} != {}", word.value(value));
    }
    let (least, greatest) = if word.is_signed() {
        (-(1_i128 << (word.bits - 1)), (1_i128 << (word.bits - 1)) - 1)
    } else {
        (0, i128::from(word.mask))
    };
    let inside = intervals(word, &atom.values);
    if let [(low, high)] = inside[..] {
        if low == least {
            return format!("{masked} <= {}", word.end(high));
        }
        if high == greatest {
            return format!("{masked} >= {}", word.end(low));
        }
    }
    let outside = intervals(word, &others);
    // One more for the negation.
    if cost(&outside) + 1 < cost(&inside) {
        format!("!({masked} in {})", set(word, &outside))
    } else {
        format!("{masked} in {}", set(word, &inside))
    }
}

/// How much there is to read in a set.
fn cost(intervals: &[(i128, i128)]) -> usize {
    intervals.iter().map(|(low, high)| if low == high { 1 } else { 2 }).sum()
}

/// The only word of a set.
fn only(values: &ValueSet) -> Option<u64> {
    match values.ranges() {
        &[(low, high)] if low == high => Some(low),
        _ => None,
    }
}

/// The ranges of a set in the order that comparisons have, joined where they touch in it.
fn intervals(word: &Word, values: &ValueSet) -> Vec<(i128, i128)> {
    let sign = 1_u64 << (word.bits - 1);
    let mut intervals = Vec::new();
    for &(low, high) in values.ranges() {
        if word.is_signed() && low < sign && high >= sign {
            intervals.push((word.number(low), word.number(sign - 1)));
            intervals.push((word.number(sign), word.number(high)));
        } else {
            intervals.push((word.number(low), word.number(high)));
        }
    }
    intervals.sort_unstable();
    let mut joined: Vec<(i128, i128)> = Vec::with_capacity(intervals.len());
    for (low, high) in intervals {
        match joined.last_mut() {
            Some(last) if last.1 + 1 == low => last.1 = high,
            _ => joined.push((low, high)),
        }
    }
    joined
}

fn set(word: &Word, intervals: &[(i128, i128)]) -> String {
    let entries: Vec<String> = intervals
        .iter()
        .flat_map(|&(low, high)| {
            // Neighbours with names are not meant as a range.
            let few = (low..=high).take(FEW_NEIGHBOURS + 1).count() <= FEW_NEIGHBOURS;
            if few {
                (low..=high).map(|number| word.value(bits_of(word, number))).collect()
            } else {
                vec![format!("{}..{}", word.end(low), word.end(high))]
            }
        })
        .collect();
    format!("{{{}}}", entries.join(", "))
}

/// So many neighbouring values are listed one by one.
const FEW_NEIGHBOURS: usize = 3;

fn bits_of(word: &Word, number: i128) -> u64 {
    // The low bits of a two's complement number.
    number.cast_unsigned() as u64 & word.max()
}
