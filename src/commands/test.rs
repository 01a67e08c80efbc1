//! `callgate test`

use std::path::Path;

use callgate_compiler::abi::Abi;
use callgate_compiler::lower::{
    Change, Changed, Covered, Expectation, Fate, Mutant, Reach, coverage, expectations, mutants,
};
use callgate_grammar::{Diagnostic, Sources, Span};
use serde_json::{Value, json};

use super::spelling;
use crate::cli::{Coverage, Facts, Test};
use crate::failure::{EXIT_ERROR, EXIT_FOUND, Failure, Outcome};
use crate::policy::Checked;
use crate::{input, output, policy, report};

pub(crate) fn run(args: &Test) -> Outcome {
    let mut printed = Printed { format: args.format, text: String::new() };
    let mut totals = Totals::default();
    for file in &args.files {
        one(file, args, &mut totals, &mut printed)?;
    }
    totals.print(args, &mut printed);
    output::write(None, printed.text.as_bytes())?;
    let unreached = args.coverage == Some(Coverage::Require) && totals.unreached > 0;
    Ok(if totals.failed == 0 && totals.survived == 0 && !unreached { 0 } else { EXIT_FOUND })
}

fn one(file: &Path, args: &Test, totals: &mut Totals, printed: &mut Printed) -> Result<(), Failure> {
    let loaded = input::load(
        &[file.to_path_buf()],
        &args.policy.statements,
        &policy::reading(&args.policy.target.host, &args.policy.target.arch)?,
    )?;
    let units = loaded.units.clone();
    let target = policy::target(&args.policy.target, Abi::ALL.to_vec())?;
    let Checked { sources, policy } = policy::check(loaded, &target)?;
    let results = expectations(&units, &policy, &target).map_err(|diagnostics| said(&diagnostics, &sources))?;
    if results.tried.is_empty() && results.elsewhere.is_empty() {
        eprintln!("note: {} has no `expect:` lines", file.display());
    }
    let failed = results.tried.iter().filter(|tried| tried.failure.is_some()).count();
    totals.failed += failed;
    totals.passed += results.tried.len() - failed;
    totals.elsewhere += results.elsewhere.len();
    for tried in &results.tried {
        printed.expectation(tried, &sources);
    }
    if args.coverage.is_some() {
        let covered = coverage(&units, &policy, &results.tried).map_err(|error| {
            Failure::new(format!("coverage is {error}")).help("split the conditions of the policy into simpler ones")
        })?;
        for one in &covered {
            totals.covered(one);
            printed.covered(one, &sources);
        }
    }
    if args.mutants && failed > 0 {
        eprintln!("note: no mutants of {}: its expectations have to hold first", file.display());
    } else if args.mutants {
        let mutants =
            mutants(&units, &policy::groups(), &target).map_err(|diagnostics| said(&diagnostics, &sources))?;
        for mutant in &mutants {
            totals.mutant(mutant);
            printed.mutant(mutant, &sources);
        }
    }
    Ok(())
}

fn said(diagnostics: &[Diagnostic], sources: &Sources) -> Failure {
    report::print(diagnostics, sources);
    Failure::said(EXIT_ERROR)
}

/// Over all files.
#[derive(Default)]
struct Totals {
    passed: usize,
    failed: usize,
    elsewhere: usize,
    reached: usize,
    unreached: usize,
    silent: usize,
    noticed: usize,
    survived: usize,
    equivalent: usize,
    undecided: usize,
}

impl Totals {
    fn covered(&mut self, covered: &Covered) {
        match covered.reach {
            Reach::Reached => self.reached += 1,
            Reach::Unreached => self.unreached += 1,
            Reach::Silent => self.silent += 1,
        }
    }

    fn mutant(&mut self, mutant: &Mutant) {
        match mutant.fate {
            Fate::Noticed | Fate::Refused => self.noticed += 1,
            Fate::Survived(_) => self.survived += 1,
            Fate::Equivalent => self.equivalent += 1,
            Fate::Undecided => self.undecided += 1,
        }
    }

    fn print(&self, args: &Test, printed: &mut Printed) {
        let Self { passed, failed, elsewhere, reached, unreached, silent, noticed, survived, equivalent, undecided } =
            self;
        let targets = reached + unreached;
        let tried = noticed + survived + equivalent + undecided;
        if args.format == Facts::Json {
            let mut summary = json!({"kind": "summary", "passed": passed, "failed": failed, "elsewhere": elsewhere});
            if args.coverage.is_some() {
                summary["targets"] = json!({"reached": reached, "unreached": unreached, "silent": silent});
            }
            if args.mutants {
                summary["mutants"] = json!({
                    "noticed": noticed, "survived": survived, "equivalent": equivalent, "undecided": undecided,
                });
            }
            printed.json(&summary);
            return;
        }
        let some = |count: &usize, what: &str| if *count == 0 { String::new() } else { format!(", {count} {what}") };
        printed.line(&format!("{passed} passed, {failed} failed{}", some(elsewhere, "not for this target")));
        if args.coverage.is_some() {
            let silent = some(silent, "more decide nothing on this target");
            printed.line(&format!("{reached} of {targets} targets reached{silent}"));
        }
        if args.mutants {
            let undecided = some(undecided, "undecided");
            printed.line(&format!(
                "{tried} mutants: {noticed} noticed, {survived} survived, {equivalent} that change no call{undecided}"
            ));
        }
    }
}

/// What goes to standard output.
struct Printed {
    format: Facts,
    text: String,
}

impl Printed {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn json(&mut self, object: &Value) {
        self.line(&object.to_string());
    }

    fn expectation(&mut self, tried: &Expectation, sources: &Sources) {
        let abi = tried.abi;
        let expected = spelling::action(tried.expected, abi);
        let call = spelling::one_line(sources.snippet(tried.span));
        let because: Vec<_> = tried.causes.iter().map(|cause| spelling::cause(cause, abi, sources)).collect();
        let failure = tried.failure.as_ref().map(|(decision, data)| {
            let example = spelling::call(abi, data.nr, &data.args);
            (example, spelling::action(decision.action, abi), spelling::cause(&decision.cause, abi, sources))
        });
        if self.format == Facts::Json {
            let mut object = place("expectation", tried.span, sources);
            object["arch"] = json!(abi.name());
            object["expected"] = json!(expected);
            object["passed"] = json!(failure.is_none());
            object["because"] = json!(because);
            if let Some((example, action, because)) = failure {
                object["counterexample"] = json!({"call": example, "action": action, "because": because});
            }
            self.json(&object);
            return;
        }
        let (line, _) = sources.line_column(tried.span.source, tried.span.start);
        let name = &sources.get(tried.span.source).name;
        let verdict = if failure.is_none() { "ok  " } else { "FAIL" };
        self.line(&format!("{verdict} {name}:{line}: {call} on {abi} => {expected}"));
        match failure {
            Some((example, action, because)) => {
                self.line(&format!("     {example} is {action}\n     because of {because}"));
            }
            None => self.line(&format!("     because of {}", because.join("\n            and "))),
        }
    }

    fn covered(&mut self, covered: &Covered, sources: &Sources) {
        if self.format == Facts::Json {
            let mut object = place("target", covered.span, sources);
            object["reach"] = json!(match covered.reach {
                Reach::Reached => "reached",
                Reach::Unreached => "unreached",
                Reach::Silent => "silent",
            });
            self.json(&object);
        } else if covered.reach == Reach::Unreached {
            self.line(&format!("UNREACHED {}", spelling::place(covered.span, sources)));
        }
    }

    fn mutant(&mut self, mutant: &Mutant, sources: &Sources) {
        let change = change(mutant.change, sources);
        if self.format == Facts::Json {
            let mut object = place("mutant", mutant.span, sources);
            object["change"] = json!(change);
            object["fate"] = json!(match mutant.fate {
                Fate::Noticed => "noticed",
                Fate::Refused => "refused",
                Fate::Survived(_) => "survived",
                Fate::Equivalent => "equivalent",
                Fate::Undecided => "undecided",
            });
            if let Fate::Survived(changed) = &mutant.fate {
                let (example, before, after) = example(changed);
                object["example"] = json!({"call": example, "before": before, "after": after});
            }
            self.json(&object);
            return;
        }
        let place = spelling::place(mutant.span, sources);
        match &mutant.fate {
            Fate::Survived(changed) => {
                let (example, before, after) = example(changed);
                self.line(&format!("SURVIVED {place}\n     {change}: {example} is now {after}, was {before}"));
            }
            Fate::Undecided => self.line(&format!(
                "UNDECIDED {place}\n     {change}: too entangled for the prover's budget; split its condition"
            )),
            Fate::Noticed | Fate::Refused | Fate::Equivalent => {}
        }
    }
}

fn place(kind: &str, span: Span, sources: &Sources) -> Value {
    let (line, column) = sources.line_column(span.source, span.start);
    let file = &sources.get(span.source).name;
    json!({"kind": kind, "file": file, "line": line, "column": column, "text": spelling::one_line(sources.snippet(span))})
}

/// What a mutant did, in words.
fn change(change: Change, sources: &Sources) -> String {
    let text = |span| spelling::one_line(sources.snippet(span));
    match change {
        Change::Removed => "without this".to_owned(),
        Change::Denied => "with this denied".to_owned(),
        Change::Allowed => "with this allowed".to_owned(),
        Change::Dropped(condition) => format!("without its condition `{}`", text(condition)),
        Change::Negated(condition) => format!("with `!({})` instead", text(condition)),
    }
}

/// The call, what happened to it, and what happens now.
fn example(changed: &Changed) -> (String, String, String) {
    let Changed { data, before, after } = changed;
    match Abi::of_call(data.arch, data.nr) {
        Some(abi) => (
            format!("{} on {abi}", spelling::call(abi, data.nr, &data.args)),
            spelling::action(*before, abi),
            spelling::action(*after, abi),
        ),
        None => (format!("every call with token {:#x}", data.arch), before.to_string(), after.to_string()),
    }
}
