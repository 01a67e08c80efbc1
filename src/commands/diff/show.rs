//! A comparison in words and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::call::SyscallData;
use callgate_compiler::policy::{FilterFlag, Policy};
use callgate_compiler::prove::{AllAnswers, Relation};
use serde_json::{Value, json};

use super::entries::{Entry, Place, entries};
use crate::commands::spelling;
use crate::policy::Checked;

/// What is shown to a person of each pair of answers: lines of calls, calls of each, ABIs of each. JSON has all.
const SHOWN_LINES: usize = 8;
const SHOWN_CALLS: usize = 12;
const SHOWN_ABIS: usize = 4;
/// More ranges of numbers of one ABI than this are not listed: a filter that looks at single bits of the number can have billions.
pub(super) const MOST_ENTRIES: usize = 20_000;
/// Pairs of answers that are shown.
const SHOWN_PAIRS: usize = 30;

/// One of two that are compared.
pub(crate) struct Named<'a> {
    /// What it is called.
    pub(crate) name: String,
    /// What it says and where; of a raw filter nothing.
    pub(crate) checked: Option<&'a Checked>,
}

impl Named<'_> {
    fn because(&self, data: &SyscallData, place: Place) -> Option<String> {
        let checked = self.checked?;
        let abi = match place {
            Place::Abi(abi) => abi,
            Place::Tokens(..) => Abi::X86_64,
        };
        Some(spelling::cause(&checked.policy.decide(data).cause, abi, &checked.sources))
    }
}

/// What a comparison came to.
pub(crate) struct Comparison<'a> {
    relation: Relation,
    left: Named<'a>,
    right: Named<'a>,
    entries: Vec<Entry>,
    complete: bool,
    settings: Vec<Setting>,
}

/// Something about a whole filter that differs, in words.
struct Setting {
    name: &'static str,
    left: Vec<String>,
    right: Vec<String>,
}

impl<'a> Comparison<'a> {
    /// What the prover found, and what it doesn't look at.
    pub(crate) fn new(relation: Relation, left: Named<'a>, right: Named<'a>, found: &AllAnswers) -> Self {
        let settings = match (relation, left.checked, right.checked) {
            (Relation::Equal, Some(left), Some(right)) => settings(&left.policy, &right.policy),
            _ => Vec::new(),
        };
        let (entries, complete) = entries(found, MOST_ENTRIES);
        Self { relation, left, right, entries, complete, settings }
    }

    /// Whether there is no difference.
    pub(crate) fn holds(&self) -> bool {
        self.entries.is_empty() && self.settings.is_empty()
    }

    /// For people: calls with the same pair of answers together.
    pub(crate) fn human(&self) -> String {
        let (left, right) = (&self.left.name, &self.right.name);
        if self.holds() {
            return match self.relation {
                Relation::Equal => "the same\n".to_owned(),
                Relation::Within => format!("{left} lets nothing through that {right} doesn't\n"),
            };
        }
        let mut text = String::new();
        let pairs = self.pairs();
        for pair in pairs.iter().take(SHOWN_PAIRS) {
            text.push_str(&pair.lines());
            let sides = [(left, &pair.left, &pair.left_because), (right, &pair.right, &pair.right_because)];
            for (name, action, because) in sides {
                let _ = writeln!(text, "  {name}: {action}");
                let _ = match &because[..] {
                    [] => Ok(()),
                    [only] => writeln!(text, "    because of {only}"),
                    [first, others @ ..] => writeln!(text, "    because of {first}, and of {} more", others.len()),
                };
            }
        }
        for setting in &self.settings {
            let said = |values: &[String]| if values.is_empty() { "none".to_owned() } else { values.join(", ") };
            let _ = writeln!(text, "{}", setting.name);
            let _ = writeln!(text, "  {left}: {}\n  {right}: {}", said(&setting.left), said(&setting.right));
        }
        text.push_str(&self.summary(pairs.len()));
        text
    }

    fn summary(&self, pairs: usize) -> String {
        let named: usize = self.entries.iter().map(|entry| entry.named().count().min(1_000_000)).sum();
        let ranges: usize = self.entries.iter().map(|entry| entry.unnamed().len()).sum();
        let counted =
            [(named, "call", "calls"), (ranges, "range of numbers without a name", "ranges of numbers without a name")];
        let counts: Vec<String> = counted
            .iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many }))
            .collect();
        let mut text = String::new();
        if !counts.is_empty() {
            let verb = match (self.relation, named + ranges) {
                (Relation::Equal, 1) => "differs",
                (Relation::Equal, _) => "differ",
                (Relation::Within, 1) => "passes through the first alone",
                (Relation::Within, _) => "pass through the first alone",
            };
            let at_least = if self.complete { "" } else { "at least " };
            let _ = write!(text, "{at_least}{} {verb}", counts.join(" and "));
            if pairs > SHOWN_PAIRS {
                let _ = write!(text, "; {SHOWN_PAIRS} of {pairs} pairs of answers are shown, --json has all");
            }
            text.push('\n');
        }
        text
    }

    /// The calls by their pairs of answers, in the order in which the entries come to them.
    fn pairs(&self) -> Vec<Pair> {
        let mut pairs: Vec<Pair> = Vec::new();
        let mut known = BTreeMap::new();
        for entry in &self.entries {
            let answers = [self.action(entry, entry.witness.left), self.action(entry, entry.witness.right)];
            let index = *known.entry(answers).or_insert_with_key(|[left, right]| {
                pairs.push(Pair { left: left.clone(), right: right.clone(), ..Pair::default() });
                pairs.len() - 1
            });
            for (shown, call) in shown(entry) {
                pairs[index].add(shown, entry.place);
                let pair = &mut pairs[index];
                let both = [(&self.left, &mut pair.left_because), (&self.right, &mut pair.right_because)];
                for (side, causes) in both {
                    causes.extend(side.because(&call, entry.place).filter(|because| !causes.contains(because)));
                }
            }
        }
        pairs
    }

    fn action(&self, entry: &Entry, action: Action) -> String {
        match entry.place {
            Place::Abi(abi) => spelling::action(action, abi),
            Place::Tokens(..) => action.to_string(),
        }
    }

    /// One object, as `diff --help` describes it.
    pub(crate) fn json(&self) -> String {
        let side = |side: &Named<'_>, entry: &Entry, action: Action| json!({"action": self.action(entry, action), "because": side.because(&entry.witness.data, entry.place)});
        let difference = |entry: &Entry| {
            let data = &entry.witness.data;
            let (arch, call, tokens) = match entry.place {
                Place::Abi(abi) => (abi.name().to_owned(), spelling::call(abi, data.nr, &data.args), [abi.token(); 2]),
                Place::Tokens(first, last) => (tokens(first, last), data.nr.to_string(), [first, last]),
            };
            json!({
                "arch": arch,
                "tokens": tokens,
                "numbers": [entry.numbers.0, entry.numbers.1],
                "names": entry.named().map(|(_, name)| name).collect::<Vec<_>>(),
                "call": call,
                "args": data.args,
                "instruction_pointer": data.instruction_pointer,
                "always": entry.always,
                "left": side(&self.left, entry, entry.witness.left),
                "right": side(&self.right, entry, entry.witness.right),
            })
        };
        let setting =
            |setting: &Setting| json!({"setting": setting.name, "left": setting.left, "right": setting.right});
        let relation = match self.relation {
            Relation::Equal => "equal",
            Relation::Within => "subset",
        };
        let object = json!({
            "relation": relation,
            "holds": self.holds(),
            "complete": self.complete,
            "differences": self.entries.iter().map(difference).collect::<Vec<Value>>(),
            "settings": self.settings.iter().map(setting).collect::<Vec<Value>>(),
        });
        format!("{object}\n")
    }
}

/// Everything that gets one pair of answers.
#[derive(Default)]
struct Pair {
    left: String,
    right: String,
    /// What, and where.
    calls: Vec<(String, Vec<Place>)>,
    known: BTreeMap<String, usize>,
    left_because: Vec<String>,
    right_because: Vec<String>,
}

impl Pair {
    fn add(&mut self, shown: String, place: Place) {
        let index = *self.known.entry(shown).or_insert_with_key(|shown| {
            self.calls.push((shown.clone(), Vec::new()));
            self.calls.len() - 1
        });
        let places = &mut self.calls[index].1;
        if places.last() != Some(&place) {
            places.push(place);
        }
    }

    /// The calls that get it at the same places on one line.
    fn lines(&self) -> String {
        let mut lines: Vec<(&[Place], Vec<String>)> = Vec::new();
        let mut known = BTreeMap::new();
        for (shown, places) in &self.calls {
            let index = *known.entry(places).or_insert_with(|| {
                lines.push((places, Vec::new()));
                lines.len() - 1
            });
            lines[index].1.push(shown.clone());
        }
        let mut text = String::new();
        // One line more is no longer than to say that there is one.
        let shown = if lines.len() == SHOWN_LINES + 1 { lines.len() } else { SHOWN_LINES };
        for (places, calls) in lines.iter().take(shown) {
            let places: Vec<String> = places
                .iter()
                .map(|place| match *place {
                    Place::Abi(abi) => abi.name().to_owned(),
                    Place::Tokens(first, last) => tokens(first, last),
                })
                .collect();
            let _ = writeln!(text, "{} on {}", some(calls, SHOWN_CALLS, ""), some(&places, SHOWN_ABIS, " ABIs"));
        }
        if let Some(others) = lines.get(shown..).filter(|others| !others.is_empty()) {
            let count: usize = others.iter().map(|(_, calls)| calls.len()).sum();
            let _ = writeln!(text, "and {count} more on other ABIs; --json has all");
        }
        text
    }
}

fn tokens(first: u32, last: u32) -> String {
    if first == last {
        format!("the ABI with token {first:#x}")
    } else {
        format!("ABIs with tokens {first:#x} to {last:#x}")
    }
}

/// `a, b and 9 more`
fn some(all: &[String], most: usize, what: &str) -> String {
    match all {
        // One more is no shorter than its name.
        _ if all.len() > most + 1 => format!("{} and {} more{what}", all[..most].join(", "), all.len() - most),
        [others @ .., last] if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => all.concat(),
    }
}

/// What an entry stands for, a word for each, with a call: names, and numbers that have none.
fn shown(entry: &Entry) -> Vec<(String, SyscallData)> {
    let whole = match entry.place {
        Place::Abi(abi) => abi.numbers().contains(&entry.numbers) && entry.numbers.0 < entry.numbers.1,
        Place::Tokens(..) => entry.numbers == (0, u32::MAX),
    };
    if whole && entry.always {
        return vec![("every call".to_owned(), entry.witness.data)];
    }
    let arguments = |data: &SyscallData| match entry.place {
        Place::Abi(abi) => spelling::call(abi, data.nr, &data.args),
        Place::Tokens(..) => format!("{}({})", data.nr, data.args.map(|word| format!("{word:#x}")).join(", ")),
    };
    let pointer = match entry.witness.data.instruction_pointer {
        0 => String::new(),
        pointer => format!(" from {pointer:#x}"),
    };
    let named = entry.named().map(|(number, name)| {
        let data = entry.call(number);
        (if entry.always { name.to_owned() } else { arguments(&data) + &pointer }, data)
    });
    let unnamed = entry.unnamed().into_iter().map(|(first, last)| {
        let data = entry.call(first);
        let numbers = match (entry.always, first == last) {
            (true, true) => format!("number {}", number(first)),
            (true, false) => format!("numbers {} to {}", number(first), number(last)),
            (false, true) => format!("number {}", arguments(&data) + &pointer),
            (false, false) => {
                format!("numbers {} to {} as {}", number(first), number(last), arguments(&data) + &pointer)
            }
        };
        (numbers, data)
    });
    named.chain(unnamed).collect()
}

/// Small numbers as the tables have them, large ones by their bits.
fn number(number: u32) -> String {
    if number < 0x1_0000 { number.to_string() } else { format!("{number:#x}") }
}

fn settings(left: &Policy, right: &Policy) -> Vec<Setting> {
    let flags = |policy: &Policy| -> Vec<String> {
        let had = FilterFlag::ALL.iter().filter(|(flag, ..)| policy.flags.contains(flag));
        had.map(|(_, name, _)| (*name).to_owned()).collect()
    };
    let listener = |policy: &Policy| policy.listener.iter().cloned().collect();
    let metadata = |policy: &Policy| policy.listener_metadata.iter().cloned().collect();
    let all = [
        Setting { name: "flags", left: flags(left), right: flags(right) },
        Setting { name: "listener", left: listener(left), right: listener(right) },
        Setting { name: "listener-metadata", left: metadata(left), right: metadata(right) },
    ];
    all.into_iter().filter(|setting| setting.left != setting.right).collect()
}
