//! The rules that all engines understand, and how they are drawn.

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;

use super::random::Random;

/// What a test does with an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// The bits of this mask are equal.
    MaskedEqual(u64),
}

/// One comparison of one argument with a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Test {
    pub(super) arg: u8,
    /// Whether only the low half of the argument is compared; the value is no larger then.
    pub(super) low_half: bool,
    pub(super) operator: Operator,
    pub(super) value: u64,
}

/// What happens to a call when all of the tests hold.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) nr: u32,
    pub(super) action: Action,
    pub(super) tests: Vec<Test>,
}

/// A whole policy for one machine.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) machine: Abi,
    /// What happens to calls that no rule takes.
    pub(super) default: Action,
    /// Rules of one call that can hold together have one action.
    pub(super) rules: Vec<Rule>,
}

/// Which rules are drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Operators {
    /// All operators, whole words and low halves, one action.
    All,
    /// Equalities of whole words, masked or not, each argument once a rule; in half of the cases several actions.
    #[cfg_attr(not(feature = "libseccomp"), allow(dead_code))]
    Equalities,
}

const ACTIONS: &[Action] = &[
    Action::KillProcess,
    Action::KillThread,
    Action::Trap(0),
    Action::Errno(1),
    Action::Errno(38),
    Action::Trace(7),
    Action::Log,
    Action::Allow,
];

/// Words at which halves, signs and carries turn.
const WORDS: &[u64] = &[
    0,
    1,
    2,
    0x28,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffe,
    0xffff_ffff,
    0x1_0000_0000,
    0x1_0000_0001,
    0x1_ffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_0000_0000,
    u64::MAX,
];

const MASKS: &[u64] = &[
    0xf,
    0xff,
    0x7e02_0000,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0xffff_ffff_0000_0000,
    0xff_0000_00ff,
    0x5555_5555_5555_5555,
    u64::MAX,
];

impl Case {
    /// 1 to 12 rules about a few calls, with values that come back, so that rules meet.
    pub(super) fn draw(random: &mut Random, operators: Operators) -> Self {
        let machine = match operators {
            Operators::All => random.pick(&[Abi::X86_64, Abi::Aarch64]),
            Operators::Equalities => Abi::X86_64,
        };
        let default = random.pick(ACTIONS);
        let actions: Vec<_> = ACTIONS.iter().copied().filter(|&action| action != default).collect();
        let the_action = random.pick(&actions);
        let several = operators == Operators::Equalities && random.once_in(2);
        // Numbers that both machines have.
        let first = random.below(30) as u32;
        let calls: Vec<u32> = (0..1 + random.below(5) as u32).map(|step| first + step * step * 7).collect();
        let values: Vec<u64> = (0..4).map(|_| value(random)).collect();
        let mut rules = Vec::new();
        for _ in 0..1 + random.below(12) {
            let at = random.below(calls.len());
            let action = if several { actions[at % actions.len()] } else { the_action };
            let tests = tests(random, operators, &values);
            rules.push(Rule { nr: calls[at], action, tests });
        }
        if several {
            tell_apart(random, &mut rules, &actions);
        }
        Self { machine, default, rules }
    }
}

/// One call gets rules that no call meets two of, each with an action of its own.
fn tell_apart(random: &mut Random, rules: &mut Vec<Rule>, actions: &[Action]) {
    let nr = rules[random.below(rules.len())].nr;
    rules.retain(|rule| rule.nr != nr);
    let arg = random.below(6) as u8;
    let mask = if random.once_in(2) { u64::MAX } else { 0xff_0000_00ff };
    let first = value(random) & 0xf0_0000_00f0 & mask;
    for step in 0..1 + random.below(6) as u64 {
        let operator = if mask == u64::MAX { Operator::Equal } else { Operator::MaskedEqual(mask) };
        let mut tests = vec![Test { arg, low_half: false, operator, value: first + step }];
        if random.once_in(3) {
            let other = Test { arg: (arg + 1) % 6, low_half: false, operator: Operator::Equal, value: value(random) };
            tests.push(other);
        }
        rules.push(Rule { nr, action: random.pick(actions), tests });
    }
}

fn tests(random: &mut Random, operators: Operators, values: &[u64]) -> Vec<Test> {
    let count = if random.once_in(8) { 0 } else { 1 + random.below(3) };
    let first_arg = random.below(6) as u8;
    (0..count as u8)
        .map(|step| {
            let low_half = operators == Operators::All && random.once_in(2);
            let word = if low_half { 0xffff_ffff } else { u64::MAX };
            let value = random.pick(values).wrapping_add(random.pick(&[0, 0, 0, 1, u64::MAX])) & word;
            let mask = match random.below(3) {
                0 => 1 << random.below(64),
                _ => random.pick(MASKS),
            };
            // A mask of nothing tests nothing.
            let mask = if mask & word == 0 { word } else { mask & word };
            let operator = match (operators, random.below(8)) {
                (Operators::Equalities, 0..4) | (Operators::All, 0) => Operator::Equal,
                (Operators::Equalities, _) | (Operators::All, 6..) => Operator::MaskedEqual(mask),
                (Operators::All, 1) => Operator::NotEqual,
                (Operators::All, 2) => Operator::Less,
                (Operators::All, 3) => Operator::LessOrEqual,
                (Operators::All, 4) => Operator::Greater,
                (Operators::All, 5) => Operator::GreaterOrEqual,
            };
            let value = if let Operator::MaskedEqual(mask) = operator { value & mask } else { value };
            // With all operators an argument may be tested twice.
            let arg = match operators {
                Operators::All => random.below(3) as u8,
                Operators::Equalities => (first_arg + step) % 6,
            };
            Test { arg, low_half, operator, value }
        })
        .collect()
}

fn value(random: &mut Random) -> u64 {
    match random.below(4) {
        0 => random.word(),
        1 => random.word() & 0xff,
        _ => random.pick(WORDS),
    }
}
