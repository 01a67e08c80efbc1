//! A policy as what the engines of OCI files (libseccomp, under runc and crun) can carry out: one default, and per call a
//! list of disjoint conjunctions of masked equalities, the same for every ABI of a file.

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::{Abi, HighHalf};
use callgate_compiler::action::Action;
use callgate_compiler::policy::{AbiPolicy, CallPolicy, Policy};
use callgate_compiler::prove::{self, Cube};
use callgate_compiler::tables;

use super::multiplexed::multiplexer;
use super::{Difference, ExportError, Format, Problem};

/// The most rules with argument conditions in one file. The kernel takes filters of 4,096 instructions, and libseccomp
/// spends at least one on each such rule.
pub const MAX_ARGUMENT_RULES: usize = 4096;

/// One test of a rule: `args[index] & mask == value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Test {
    pub(super) index: usize,
    pub(super) mask: u64,
    pub(super) value: u64,
}

/// What one call does where all the tests hold. At most one test an argument: runc and crun OR the tests of an entry that
/// names an argument twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rule {
    pub(super) tests: Vec<Test>,
    pub(super) action: Action,
}

/// Everything a call does that the default doesn't, sorted. The rules are disjoint: no arguments satisfy two.
pub(super) type Rules = Vec<Rule>;

/// What goes into a file.
pub(super) struct Plan {
    /// For every call without a rule.
    pub(super) default: Action,
    /// The rules, by the machines they are for and the call. No machine: all of them.
    pub(super) rules: BTreeMap<(Option<Abi>, &'static str), Rules>,
    /// The calls that got a stricter action than the policy's, with it.
    pub(super) lossy: Vec<(Difference, Action)>,
}

/// An action as the file can say it: what the kernel makes of it, and without a trap's number.
pub(super) fn expressible(action: Action) -> Action {
    match Action::from_ret(action.ret()) {
        Action::Trap(_) => Action::Trap(0),
        action => action,
    }
}

/// How libseccomp compares an argument on an ABI, and what it can be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HighWord {
    /// Both halves are compared.
    Compared,
    /// Only the low half is, and the high one is zero.
    Zero,
    /// Only the low half is, and the high one can be anything: x32 and MIPS n32 calls come with whole 64-bit registers, but
    /// libseccomp has them as 32-bit ABIs (src/arch-x32.c, src/arch-mips64n32.c), and those of MIPS o32 are sign-extended.
    Ignored,
}

fn high_word(abi: Abi) -> HighWord {
    match (abi.high_half(), abi.long_bits()) {
        (HighHalf::Argument, 64) => HighWord::Compared,
        (HighHalf::Argument | HighHalf::Sign, _) => HighWord::Ignored,
        (HighHalf::Zero, _) => HighWord::Zero,
    }
}

/// What every number without a name gets. Where the ABIs disagree on those, the strictest of what they say: no number that
/// the policy refuses is let through (ENOSYS alone, as `known:` gives it, is another number on MIPS).
fn default_action(policy: &Policy) -> Action {
    let rests = policy.abis.values().map(|abi| expressible(abi.rest.action));
    rests.min().unwrap_or(Action::KillProcess)
}

/// What a call does on an ABI, as rules.
fn rules_of(call: &CallPolicy, abi: Abi, default: Action) -> Result<Result<Rules, Problem>, prove::TooMany> {
    if call.clauses.is_empty() {
        let action = expressible(call.otherwise.action);
        let rule = Rule { tests: Vec::new(), action };
        return Ok(Ok(if action == default { Vec::new() } else { vec![rule] }));
    }
    let cubes = prove::cubes_for(call, |action| expressible(action) != default, MAX_ARGUMENT_RULES)?;
    let mut rules = Vec::with_capacity(cubes.len());
    for (cube, action) in &cubes {
        let looks_high = cube.mask.iter().any(|mask| mask >> 32 != 0);
        match high_word(abi) {
            HighWord::Ignored if looks_high => return Ok(Err(Problem::HighWord(abi, told_apart(call, abi, &cubes)))),
            HighWord::Zero if cube.value.iter().any(|value| value >> 32 != 0) => continue,
            _ => rules.push(Rule { tests: tests(cube), action: expressible(*action) }),
        }
    }
    Ok(Ok(as_compared(&rules, abi)))
}

/// Two calls of the policy's that differ in the high half of one argument alone and are decided differently. `None` where none is
/// found next to the ends of the conjunctions, or where the low half says what the high one is.
fn told_apart(call: &CallPolicy, abi: Abi, cubes: &[(Cube, Action)]) -> Option<[[u64; 6]; 2]> {
    let decided = |args: &[u64; 6]| expressible(call.decide(args).action);
    let low = |word: u64| word & 0xffff_ffff;
    let pairs = cubes.iter().flat_map(|(cube, _)| (0..6).map(move |index| (cube, index))).flat_map(|(cube, index)| {
        let (mask, value) = (cube.mask[index], cube.value[index]);
        let ends = [value, (value | !mask).wrapping_add(1), value.wrapping_sub(1)];
        ends.into_iter().flat_map(move |end| {
            [32, 63].map(|bit| {
                let mut one = cube.value;
                one[index] = low(end);
                let mut other = one;
                other[index] |= 1 << bit;
                [one, other]
            })
        })
    });
    let mut pairs = pairs.filter(|_| abi.high_half() == HighHalf::Argument);
    pairs.find(|[one, other]| decided(one) != decided(other))
}

fn tests(cube: &Cube) -> Vec<Test> {
    let words = cube.mask.iter().zip(&cube.value).enumerate();
    words.filter(|&(_, (&mask, _))| mask != 0).map(|(index, (&mask, &value))| Test { index, mask, value }).collect()
}

/// The rules as libseccomp compares them on an ABI.
fn as_compared(rules: &[Rule], abi: Abi) -> Rules {
    let cut = |test: &Test| match high_word(abi) {
        HighWord::Compared => *test,
        HighWord::Zero | HighWord::Ignored => {
            Test { mask: test.mask & 0xffff_ffff, value: test.value & 0xffff_ffff, ..*test }
        }
    };
    let compared: BTreeSet<Rule> = rules
        .iter()
        .map(|rule| Rule {
            tests: rule.tests.iter().map(cut).filter(|test| test.mask != 0).collect(),
            action: rule.action,
        })
        .collect();
    compared.into_iter().collect()
}

/// One list that means on every one of these ABIs what the ABI's own list means; `None` when there is none.
fn common<'a>(lists: impl IntoIterator<Item = (Abi, &'a Rules)> + Clone) -> Option<&'a Rules> {
    // The list of an ABI with both halves says most; on the others its high halves are passed over. Rules that then become
    // alike won't do: libseccomp refuses to add a rule twice.
    let (_, widest) = lists.clone().into_iter().max_by_key(|&(abi, _)| high_word(abi) == HighWord::Compared)?;
    let same = |(abi, rules): (Abi, &Rules)| widest.len() == rules.len() && as_compared(widest, abi) == *rules;
    lists.into_iter().all(same).then_some(widest)
}

/// The call's decisions on the ABIs that have it.
pub(super) type Decisions<'a> = BTreeMap<Abi, &'a CallPolicy>;

pub(super) fn by_name(policy: &Policy) -> BTreeMap<&'static str, Decisions<'_>> {
    let mut names: BTreeMap<&'static str, Decisions<'_>> = BTreeMap::new();
    for (&abi, AbiPolicy { calls, .. }) in &policy.abis {
        for (&nr, call) in calls {
            if let Some(name) = tables::name(abi, nr) {
                names.entry(name).or_default().insert(abi, call);
            }
        }
    }
    names
}

/// The strictest thing a call can do on any of the ABIs.
fn strictest(decisions: &Decisions<'_>) -> Option<Action> {
    let actions = decisions
        .values()
        .flat_map(|call| call.clauses.iter().map(|clause| clause.decision.action).chain([call.otherwise.action]));
    actions.map(expressible).min()
}

/// Decides what goes into a file of this format.
pub(super) fn plan(policy: &Policy, format: Format, allow_lossy: bool) -> Result<Plan, ExportError> {
    let default = default_action(policy);
    let mut plan = Plan { default, rules: BTreeMap::new(), lossy: Vec::new() };
    let mut differences = Vec::new();
    let mut argument_rules = 0;
    for (name, decisions) in by_name(policy) {
        let too_many = || ExportError::TooManyRules { call: name.to_owned() };
        let chosen = choose(&decisions, format, default).map_err(|_| too_many())?;
        let chosen = match chosen.and_then(|chosen| loadable(name, &decisions, chosen)) {
            Ok(chosen) => chosen,
            Err(problem) => {
                let difference = Difference { call: name.to_owned(), problem };
                let action = strictest(&decisions).unwrap_or(default);
                if allow_lossy {
                    plan.lossy.push((difference, action));
                } else {
                    differences.push(difference);
                }
                let rule = Rule { tests: Vec::new(), action };
                BTreeMap::from([(None, if action == default { Vec::new() } else { vec![rule] })])
            }
        };
        for (machine, rules) in chosen.into_iter().filter(|(_, rules)| !rules.is_empty()) {
            argument_rules += rules.iter().filter(|rule| !rule.tests.is_empty()).count();
            if argument_rules > MAX_ARGUMENT_RULES {
                return Err(too_many());
            }
            plan.rules.insert((machine, name), rules);
        }
    }
    if !differences.is_empty() {
        return Err(ExportError::Differs { format, differences });
    }
    if !format.is_one_list() {
        for abi in plan.not_vouched_for(policy) {
            plan.name_only_where_known(policy, abi.native());
        }
    }
    Ok(plan)
}

impl Plan {
    /// The ABIs on which the file has a shape that callgate doesn't vouch for under libseccomp: outside what the tests hold
    /// against it.
    pub(super) fn not_vouched_for(&self, policy: &Policy) -> Vec<Abi> {
        let lost = |abi: Abi| {
            let here =
                self.rules.iter().filter(|((machine, _), _)| machine.is_none_or(|machine| machine == abi.native()));
            let (known, unknown): (Vec<_>, Vec<_>) =
                here.partition(|((_, name), _)| tables::number(abi, name).is_some());
            let plain = |rules: &Rules| rules.iter().any(|rule| rule.tests.is_empty());
            !known.is_empty() && !unknown.is_empty() && !known.iter().any(|(_, rules)| plain(rules))
        };
        let guarded = |abi: Abi| match abi {
            Abi::X86 => true,
            Abi::X86_64 => !policy.abis.contains_key(&Abi::X32),
            _ => false,
        };
        policy.abis.keys().copied().filter(|&abi| !guarded(abi) && lost(abi)).collect()
    }

    /// Says the rules for calls that no ABI of a machine has only to the machines that have them.
    fn name_only_where_known(&mut self, policy: &Policy, machine: Abi) {
        let known =
            |name: &str| policy.abis.keys().any(|&abi| abi.native() == machine && tables::number(abi, name).is_some());
        let unknown: Vec<&'static str> =
            self.rules.keys().filter(|(on, name)| on.is_none() && !known(name)).map(|&(_, name)| name).collect();
        for name in unknown {
            let rules = self.rules.remove(&(None, name)).unwrap_or_default();
            for having in policy.abis.keys().filter(|&&having| tables::number(having, name).is_some()) {
                self.rules.insert((Some(having.native()), name), rules.clone());
            }
        }
    }
}

/// Passes on rules that libseccomp will take.
fn loadable(name: &str, decisions: &Decisions<'_>, chosen: Chosen) -> Result<Chosen, Problem> {
    let Some(multiplexer) = multiplexer(name) else { return Ok(chosen) };
    let refused = |abi: &Abi| {
        let mut here = chosen.iter().filter(|(machine, _)| machine.is_none_or(|machine| machine == abi.native()));
        here.any(|(_, rules)| rules.iter().any(|rule| rule.action != rules[0].action))
    };
    let having = decisions.keys().copied().filter(|&abi| tables::number(abi, multiplexer).is_some());
    let abis: Vec<Abi> = having.filter(refused).collect();
    if abis.is_empty() { Ok(chosen) } else { Err(Problem::Multiplexed(multiplexer, abis)) }
}

/// A call's rules by machine; no machine when one list does for all.
type Chosen = BTreeMap<Option<Abi>, Rules>;

fn choose(
    decisions: &Decisions<'_>,
    format: Format,
    default: Action,
) -> Result<Result<Chosen, Problem>, prove::TooMany> {
    let mut lists: BTreeMap<Abi, Rules> = BTreeMap::new();
    for (&abi, call) in decisions {
        match rules_of(call, abi, default)? {
            Ok(rules) => lists.insert(abi, rules),
            Err(problem) => return Ok(Err(problem)),
        };
    }
    let all = || lists.iter().map(|(&abi, rules)| (abi, rules));
    if let Some(rules) = common(all().collect::<Vec<_>>()) {
        return Ok(Ok(BTreeMap::from([(None, rules.clone())])));
    }
    if format.is_one_list() {
        return Ok(Err(Problem::AbisDisagree(lists.keys().copied().collect())));
    }
    let mut chosen = BTreeMap::new();
    for machine in lists.keys().map(|abi| abi.native()).collect::<BTreeSet<_>>() {
        let here: Vec<_> = all().filter(|(abi, _)| abi.native() == machine).collect();
        match common(here.clone()) {
            Some(rules) => chosen.insert(Some(machine), rules.clone()),
            None => return Ok(Err(Problem::AbisDisagree(here.into_iter().map(|(abi, _)| abi).collect()))),
        };
    }
    Ok(Ok(chosen))
}
