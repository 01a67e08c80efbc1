//! The rules as text of the language, and the program of that.

use std::fmt::Write as _;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::Program;
use callgate_compiler::compile::compile;
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_grammar::tree::Version;
use callgate_grammar::{Diagnostic, SourceId, parse};

use super::rules::{Case, Operator, Rule, Test};

/// What our compiler makes of the rules, with this for x32 on x86-64.
pub(super) fn program(case: &Case, x32: Action) -> Program {
    let text = text(case, x32);
    let (file, findings) = parse(SourceId(0), &text);
    assert!(findings.is_empty(), "{findings:?}\n{text}");
    let units = [Unit { source: SourceId(0), file, layer: 1, scope: 0 }];
    let target = Target::new(vec![case.machine], Version { major: 6, minor: 18 });
    let lowered = lower(&units, &Groups::new(), &target);
    let errors: Vec<_> = lowered.diagnostics.iter().filter(|finding| Diagnostic::is_error(finding)).collect();
    let policy = lowered.policy.unwrap_or_else(|| panic!("{errors:?}\n{text}"));
    compile(&policy).unwrap_or_else(|error| panic!("{error}\n{text}")).program
}

fn text(case: &Case, x32: Action) -> String {
    let mut text = format!("arch: {}\n{}: all\n", case.machine, verb(case.default));
    if case.machine == Abi::X86_64 {
        let _ = writeln!(text, "{}: arch x32", verb(x32));
    }
    for Rule { nr, action, tests } in &case.rules {
        let _ = write!(text, "{}: {nr}", verb(*action));
        if !tests.is_empty() {
            let tests: Vec<_> = tests.iter().map(condition).collect();
            let _ = write!(text, "({})", tests.join(" && "));
        }
        text.push('\n');
    }
    text
}

fn condition(test: &Test) -> String {
    let Test { arg, low_half, operator, value } = *test;
    let word = if low_half { format!("raw(arg{arg}) & 0xffffffff") } else { format!("raw(arg{arg})") };
    let compared = |operator: &str| format!("{word} {operator} {value:#x}");
    match operator {
        Operator::Equal => compared("=="),
        Operator::NotEqual => compared("!="),
        Operator::Less => compared("<"),
        Operator::LessOrEqual => compared("<="),
        Operator::Greater => compared(">"),
        Operator::GreaterOrEqual => compared(">="),
        Operator::MaskedEqual(mask) => format!("raw(arg{arg}) & {mask:#x} == {value:#x}"),
    }
}

fn verb(action: Action) -> String {
    match action {
        Action::KillProcess => "kill".to_owned(),
        Action::KillThread => "kill-thread".to_owned(),
        Action::Trap(data) => format!("trap({data})"),
        Action::Errno(errno) => format!("errno({errno})"),
        Action::Notify => "notify".to_owned(),
        Action::Trace(data) => format!("trace({data})"),
        Action::Log => "log".to_owned(),
        Action::Allow => "allow".to_owned(),
    }
}
