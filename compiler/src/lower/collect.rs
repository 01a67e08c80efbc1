//! Rule statements to entries: names to numbers, groups to members, conditions to their typed form.

use std::collections::{BTreeMap, BTreeSet};

use callgate_grammar::tree::{Call, NameOrNumber, Statement, StatementKind, Target as RuleTarget, TargetKind, Verb};
use callgate_grammar::{Diagnostic, Span, Spanned, did_you_mean};

use super::guard;
use super::header::Header;
use super::rules::{Entry, Fallback, Rank, Rules};
use super::scope::Lets;
use super::target::Target;
use super::typing;
use super::value::{Problem, Scope};
use super::{Groups, Unit};
use crate::abi::{Abi, X32_BIT};
use crate::action::{Action, MAX_ERRNO};
use crate::condition::Condition;
use crate::tables;

/// Everything the rule statements of these texts say.
pub(super) fn collect(
    units: &[Unit],
    groups: &Groups,
    target: &Target,
    header: &Header,
    diagnostics: &mut Vec<Diagnostic>,
) -> Rules {
    let lets = Lets::collect(units, &header.spoken, diagnostics);
    let mut collector = Collector {
        groups,
        target,
        header,
        lets: &lets,
        rules: Rules::default(),
        passed_over: BTreeMap::new(),
        absent_parameters: BTreeMap::new(),
        diagnostics,
    };
    for unit in units {
        collector.statements(&unit.file.statements, unit, &header.abis);
    }
    collector.report_passed_over();
    collector.report_absent_parameters();
    collector.rules
}

struct Collector<'a> {
    groups: &'a Groups,
    target: &'a Target,
    header: &'a Header,
    lets: &'a Lets<'a>,
    rules: Rules,
    /// Names that a chosen ABI lacks, with where each was first written.
    passed_over: BTreeMap<Abi, BTreeMap<String, Span>>,
    /// Parameters, where they are written, and the ABIs on which the call has none of that name.
    absent_parameters: BTreeMap<(Span, String), BTreeSet<Abi>>,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Collector<'_> {
    fn statements(&mut self, statements: &[Statement], unit: &Unit, abis: &[Abi]) {
        for statement in statements {
            match &statement.node {
                StatementKind::Rule { verb, targets } => {
                    let Some(actions) = self.actions(verb, abis) else { continue };
                    for target in targets {
                        self.target(target, unit, &actions);
                    }
                }
                StatementKind::When { guards, body } => {
                    let left = guard::holding(guards, abis, self.target, self.header.kernel, self.diagnostics);
                    // Also with no ABI left: what stands inside must be sense whatever the target is.
                    self.statements(body, unit, &left);
                }
                StatementKind::Arch(_)
                | StatementKind::Known(_)
                | StatementKind::Flags(_)
                | StatementKind::Listener(_)
                | StatementKind::ListenerMetadata(_)
                    if !unit.file.statements.iter().any(|top| std::ptr::eq(top, statement)) =>
                {
                    self.diagnostics.push(
                        Diagnostic::error("misplaced-statement", "this is about the policy as a whole")
                            .at(statement.span, "it can't stand inside `when`")
                            .help("move it out of the braces"),
                    );
                }
                _ => {}
            }
        }
    }

    /// The verb's action on each ABI; errnos have names, and some ABIs their own numbers for them.
    fn actions(&mut self, verb: &Spanned<Verb>, abis: &[Abi]) -> Option<Vec<(Abi, Action)>> {
        let mut actions = Vec::new();
        for &abi in abis {
            match verb_action(&verb.node, abi) {
                Ok(action) => actions.push((abi, action)),
                Err(error) => {
                    self.diagnostics.push(error);
                    return None;
                }
            }
        }
        if abis.is_empty()
            && let Some(&abi) = self.header.abis.first()
            && let Err(error) = verb_action(&verb.node, abi)
        {
            self.diagnostics.push(error);
        }
        Some(actions)
    }

    fn target(&mut self, target: &RuleTarget, unit: &Unit, actions: &[(Abi, Action)]) {
        let layer = unit.layer;
        let span = target.span;
        match &target.node {
            TargetKind::All | TargetKind::Unknown => {
                let rules = &mut self.rules;
                let map = if target.node == TargetKind::All { &mut rules.all } else { &mut rules.unknown };
                for &(abi, action) in actions {
                    map.entry(abi).or_default().push(Fallback { layer, action, span });
                }
            }
            TargetKind::Arch(name) => self.foreign(&name.node, name.span, layer, span, actions),
            TargetKind::Group(name) => match self.groups.get(name) {
                Some(members) => {
                    for member in members {
                        for &(abi, action) in actions {
                            self.part(
                                abi,
                                member,
                                Entry { layer, rank: Rank::Group, condition: Condition::Always, action, span },
                            );
                            if let Some(nr) = tables::number(abi, member) {
                                self.entry(
                                    abi,
                                    nr,
                                    Entry { layer, rank: Rank::Group, condition: Condition::Always, action, span },
                                );
                            }
                        }
                    }
                }
                None => {
                    let mut error =
                        Diagnostic::error("unknown-group", format!("no group is called `@{name}`")).at(span, "");
                    if let Some(near) = did_you_mean(name, self.groups.keys().map(String::as_str)) {
                        error = error.help(format!("did you mean `@{near}`?"));
                    }
                    self.diagnostics.push(error);
                }
            },
            TargetKind::Call(call) => self.call(call, unit, actions),
        }
    }

    fn foreign(&mut self, name: &str, name_span: Span, layer: u32, span: Span, actions: &[(Abi, Action)]) {
        let Some(&(_, action)) = actions.first() else { return };
        let fallback = Fallback { layer, action, span };
        if name == "other" {
            self.rules.other.push(fallback);
            return;
        }
        match guard::abi_named(name) {
            Ok(abi) if self.header.abis.contains(&abi) => self.diagnostics.push(
                Diagnostic::error("listed-abi", format!("the policy speaks for {abi}"))
                    .at(span, "`arch` as a target is for ABIs it doesn't speak for")
                    .help(format!("take {abi} out of the `arch:` list, or write `when arch {abi} {{ … }}`")),
            ),
            Ok(abi) => self.rules.foreign.entry(abi).or_default().push(fallback),
            Err(error) => self.diagnostics.push(error.at(name_span, "")),
        }
    }

    fn call(&mut self, call: &Call, unit: &Unit, actions: &[(Abi, Action)]) {
        let numbers = match numbers(call, &self.header.spoken, actions.iter().map(|(abi, _)| *abi)) {
            Ok(numbers) => numbers,
            // No number of its own, but there is a multiplexer that carries it.
            Err(_) if self.is_carried(call) => Vec::new(),
            Err(error) => {
                self.diagnostics.push(error);
                return;
            }
        };
        if let NameOrNumber::Name(name) = &call.callee.node {
            for &(abi, _) in actions {
                if !numbers.iter().any(|(on, _)| *on == abi) && tables::part_of(abi, name).is_none() {
                    self.pass_over(abi, name, call.callee.span);
                }
            }
        }
        for &(abi, action) in actions {
            let name = match &call.callee.node {
                NameOrNumber::Name(name) => Some(name.as_str()),
                NameOrNumber::Number(_) => {
                    numbers.iter().find(|(on, _)| *on == abi).and_then(|&(_, nr)| tables::name(abi, nr))
                }
            };
            let rank = if call.arguments.as_ref().is_none_or(Vec::is_empty) { Rank::Name } else { Rank::Condition };
            let entry = Entry { layer: unit.layer, rank, condition: Condition::Always, action, span: call.span };
            if let Some(name) = name {
                self.part(abi, name, entry);
            }
        }
        for (abi, nr) in numbers {
            let Some(&(_, action)) = actions.iter().find(|(on, _)| *on == abi) else { continue };
            let scope = || Scope {
                abi,
                abis: &self.header.spoken,
                call: tables::name(abi, nr),
                lets: self.lets,
                scope: unit.scope,
            };
            let (rank, condition) = match call.arguments.as_deref() {
                None => (Rank::Name, Condition::Always),
                Some(exprs) => match typing::conjunction(&scope(), exprs) {
                    // Also `read()`: no condition, so the name's rank.
                    Ok(Condition::Always) => (Rank::Name, Condition::Always),
                    Ok(condition) => (Rank::Condition, condition),
                    Err(problems) => {
                        for problem in problems {
                            self.problem(problem, abi);
                        }
                        continue;
                    }
                },
            };
            self.entry(abi, nr, Entry { layer: unit.layer, rank, condition, action, span: call.span });
        }
    }

    fn entry(&mut self, abi: Abi, nr: u32, entry: Entry) {
        // Nearly every number has one entry, and there are thousands of numbers.
        self.rules.calls.entry((abi, nr)).or_insert_with(|| Vec::with_capacity(1)).push(entry);
    }

    /// Whether an ABI of the policy has a multiplexer that carries the call.
    fn is_carried(&self, call: &Call) -> bool {
        let NameOrNumber::Name(name) = &call.callee.node else { return false };
        self.header.abis.iter().any(|&abi| tables::part_of(abi, name).is_some())
    }

    /// What is said of a call is said of it through a multiplexer as well.
    fn part(&mut self, abi: Abi, name: &str, entry: Entry) {
        if let Some((nr, value, _)) = tables::part_of(abi, name) {
            self.rules.parts.entry((abi, nr, value)).or_default().push(entry);
        }
    }

    fn problem(&mut self, problem: Problem, abi: Abi) {
        match problem {
            Problem::Wrong(diagnostic) => self.diagnostics.push(diagnostic),
            Problem::Absent { name, parameter: false, span } => self.pass_over(abi, &name, span),
            Problem::Absent { name, parameter: true, span } => {
                self.absent_parameters.entry((span, name)).or_default().insert(abi);
            }
        }
    }

    fn report_absent_parameters(&mut self) {
        for ((span, name), abis) in &self.absent_parameters {
            let listed = abis.iter().map(|abi| abi.name()).collect::<Vec<_>>().join(", ");
            let guards = abis.iter().map(|abi| format!("not arch {abi}")).collect::<Vec<_>>().join(" and ");
            self.diagnostics.push(
                Diagnostic::warning("absent-parameter", format!("the call has no parameter `{name}` on {listed}"))
                    .at(*span, format!("so this target says nothing on {listed}"))
                    .help(format!("put it inside `when {guards} {{ … }}` to say so")),
            );
        }
    }

    fn pass_over(&mut self, abi: Abi, name: &str, span: Span) {
        if self.header.chosen {
            self.passed_over.entry(abi).or_default().entry(name.to_owned()).or_insert(span);
        }
    }

    fn report_passed_over(&mut self) {
        for (abi, names) in &self.passed_over {
            let list: Vec<_> = names.keys().map(|name| format!("`{name}`")).collect();
            let place = names.values().copied().min().expect("an ABI is entered with a name");
            self.diagnostics.push(
                Diagnostic::note("passed-over", format!("{abi} doesn't have {}", list.join(", "))).at(
                    place,
                    if list.len() == 1 { "passed over there" } else { "the first of them; passed over there" },
                ),
            );
        }
    }
}

/// The verb's action on one ABI: errnos have other numbers on some.
///
/// # Errors
/// When it names no errno of the ABI's, or its number is too large for the kernel.
pub fn verb_action(verb: &Verb, abi: Abi) -> Result<Action, Diagnostic> {
    let data = |value: &Option<Spanned<u64>>| match value {
        None => Ok(0),
        Some(value) => u16::try_from(value.node).map_err(|_| {
            Diagnostic::error("constant-out-of-range", format!("{} is too large", value.node))
                .at(value.span, "the kernel keeps 16 bits: at most 65535")
        }),
    };
    Ok(match verb {
        Verb::Allow => Action::Allow,
        Verb::Deny => Action::Errno(tables::errno(abi, "EPERM").expect("every ABI has EPERM")),
        Verb::Errno(errno) => Action::Errno(errno_number(errno, abi)?),
        Verb::Kill => Action::KillProcess,
        Verb::KillThread => Action::KillThread,
        Verb::Trap(value) => Action::Trap(data(value)?),
        Verb::Trace(value) => Action::Trace(data(value)?),
        Verb::Log => Action::Log,
        Verb::Notify => Action::Notify,
    })
}

fn errno_number(errno: &Spanned<NameOrNumber>, abi: Abi) -> Result<u16, Diagnostic> {
    match &errno.node {
        NameOrNumber::Number(number) => {
            u16::try_from(*number).ok().filter(|number| *number <= MAX_ERRNO).ok_or_else(|| {
                Diagnostic::error("constant-out-of-range", format!("{number} is not an errno"))
                    .at(errno.span, format!("the kernel returns at most {MAX_ERRNO}"))
            })
        }
        NameOrNumber::Name(name) => tables::errno(abi, name).ok_or_else(|| {
            let error = Diagnostic::error("unknown-errno", format!("no errno is called `{name}`")).at(errno.span, "");
            match did_you_mean(name, tables::errno_names(abi)) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help("write the name (ENOSYS) or the number (38)"),
            }
        }),
    }
}

/// The call's number on each of `on` that has it. A name must exist on at least one of the policy's ABIs, or on any where the
/// guards around it leave none.
pub(super) fn numbers(call: &Call, abis: &[Abi], on: impl Iterator<Item = Abi>) -> Result<Vec<(Abi, u32)>, Diagnostic> {
    let on: Vec<_> = on.collect();
    match &call.callee.node {
        NameOrNumber::Name(name) => {
            // What a guard keeps away from every ABI of the policy may be of another.
            let of_another = on.is_empty() && tables::names().binary_search(&name.as_str()).is_ok();
            if !of_another && !abis.iter().any(|&abi| tables::number(abi, name).is_some()) {
                return Err(unknown_syscall(name, call.callee.span, abis));
            }
            Ok(on.into_iter().filter_map(|abi| Some((abi, tables::number(abi, name)?))).collect())
        }
        NameOrNumber::Number(number) => {
            if on.len() > 1 {
                let names: Vec<_> = on.iter().map(|abi| abi.name()).collect();
                return Err(Diagnostic::error("ambiguous-number", format!("{number} is another call on each ABI"))
                    .at(call.callee.span, format!("the policy speaks for {}", names.join(", ")))
                    .help(format!("use its name, or put it inside `when arch {} {{ … }}`", names[0])));
            }
            let mut found = Vec::new();
            for abi in on {
                // From bit 30 up a number is x32's as it stands; with the bit set twice, those of bit 31 had no name.
                let marked = |nr| if abi == Abi::X32 && nr < X32_BIT { nr | X32_BIT } else { nr };
                let nr = u32::try_from(*number).ok().map(marked);
                let inside = |nr: &u32| abi.numbers().iter().any(|&(low, high)| (low..=high).contains(nr));
                match nr.filter(inside) {
                    Some(nr) => found.push((abi, nr)),
                    None => {
                        return Err(Diagnostic::error(
                            "constant-out-of-range",
                            format!("{number} is not a number of {abi}'s"),
                        )
                        .at(call.callee.span, "")
                        .because("from 0x40000000 up, numbers of the x86-64 kernel are x32's"));
                    }
                }
            }
            Ok(found)
        }
    }
}

fn unknown_syscall(name: &str, span: Span, abis: &[Abi]) -> Diagnostic {
    let elsewhere: Vec<_> =
        Abi::ALL.iter().filter(|&&abi| tables::number(abi, name).is_some()).map(|abi| abi.name()).collect();
    if !elsewhere.is_empty() {
        return Diagnostic::error("unknown-syscall", format!("`{name}` exists on {} only", elsewhere.join(", ")))
            .at(span, "not on an ABI of this policy")
            .help(format!("take it out, or add `arch: {}`", elsewhere[0]));
    }
    let error = Diagnostic::error("unknown-syscall", format!("no system call is called `{name}`")).at(span, "");
    let on_these = abis.iter().flat_map(|&abi| tables::calls(abi).map(|(_, name)| name));
    match did_you_mean(name, on_these) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help("a number works too, inside `when arch …`"),
    }
}
