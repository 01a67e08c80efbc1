//! `callgate lint`

mod files;
mod fixes;
mod human;
mod reading;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use callgate_compiler::lower::Groups;
use callgate_grammar::{Severity, SourceId, Sources, Span};
use callgate_lint::{Baseline, Checked, Document, Reported, Rule, Sidecar, about_sidecar, check, fingerprints, report};
use callgate_profiles::import::bpf::RawFilter;
use callgate_tracer::filters::filters;
use indicatif::{ParallelProgressIterator, ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::prelude::*;

use crate::cli::{FailOn, Lint, LintFormat};
use crate::failure::{EXIT_ERROR, EXIT_FOUND, Failure, Outcome};
use crate::{input, output, policy};
use files::Found;
use fixes::Repaired;
use reading::Input;
use settings::{CONFIG_SOURCE, Settings};

/// What every file is linted with.
struct Linter<'a> {
    args: &'a Lint,
    settings: Settings,
    groups: Groups,
}

/// What came of one file.
struct Done {
    checked: Checked,
    /// Which entries of `[[suppress]]` were of use.
    used: Vec<usize>,
    repaired: Option<Repaired>,
}

pub(crate) fn run(args: &Lint) -> Outcome {
    let settings = Settings::of(args)?;
    let baseline = args.baseline.as_deref().map(read_baseline).transpose()?;
    if let Some(path) = &args.output {
        output::can_write(path)?;
    }
    let linter = Linter { args, settings, groups: policy::groups() };
    let found = files::of(&args.files, &linter.settings)?;
    let bar = progress(found.files.len());
    let lint = |file: &Found| linter.file(&file.path);
    let done: Vec<Result<Done, Failure>> = found.files.par_iter().progress_with(bar.clone()).map(lint).collect();
    bar.finish_and_clear();
    let mut failed = 0;
    let mut all = Vec::new();
    for outcome in done {
        match outcome {
            Ok(done) => all.push(done),
            Err(failure) => {
                eprintln!("{failure}");
                failed += 1;
            }
        }
    }
    if let Some(pid) = args.pid {
        all.extend(linter.process(pid)?);
    }
    let used: BTreeSet<usize> = all.iter().flat_map(|done| done.used.iter().copied()).collect();
    let (repaired, mut checked): (Vec<_>, Vec<_>) = all.into_iter().map(|done| (done.repaired, done.checked)).unzip();
    let parts = without_repeats(&mut checked, &found.files);
    checked.extend(linter.sidecars(&checked, &used));
    let gone = baseline.map(|baseline| baseline.mark(&mut checked));
    let differs = linter.show_fixes(repaired.into_iter().flatten().collect())?;
    if !args.diff {
        let text = linter.report(&checked)?;
        output::write(args.output.as_deref(), text.as_bytes())?;
        let counts = human::Counts { files: checked.len(), passed_over: found.passed_over, parts, gone };
        eprintln!("{}", human::summary(&checked, &counts));
    }
    Ok(if failed > 0 {
        EXIT_ERROR
    } else if differs || checked.iter().any(|file| linter.fails(file)) {
        EXIT_FOUND
    } else {
        0
    })
}

/// A bar on standard error when that is a terminal and there is something to wait for.
fn progress(files: usize) -> ProgressBar {
    if files < 20 {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} files").unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(files as u64), ProgressDrawTarget::stderr()).with_style(style)
}

fn read_baseline(path: &Path) -> Result<Baseline, Failure> {
    Baseline::read(&input::read(path)?).map_err(|error| Failure::from(error).in_file(path))
}

impl Linter<'_> {
    fn file(&self, path: &Path) -> Result<Done, Failure> {
        let input = Input::read(path, self.args.from)?;
        let mut document = self.document(&input);
        let (mut checked, mut used) = self.check(&document);
        let mut repaired = None;
        if self.args.fix || self.args.diff || self.args.unsafe_fixes {
            if let Some(repair) = fixes::repair(self, &input, &document, &checked)? {
                document = self.document(&input.with_text(repair.text.clone()));
                (checked, used) = self.check(&document);
                repaired = Some(repair);
            }
        }
        Ok(Done { checked, used, repaired })
    }

    fn process(&self, pid: i32) -> Result<Vec<Done>, Failure> {
        let found = filters(pid)?;
        if found.is_empty() {
            return Err(
                Failure::new(format!("process {pid} has no filter")).help("look at `Seccomp:` in /proc/PID/status")
            );
        }
        let endian = input::native_endian();
        let lint = |(at, program)| {
            let name = format!("filter {at} of process {pid}");
            let filter = RawFilter { program, endian };
            let document = Document::of_filter(&name, filter, &self.groups, self.settings.reading.clone());
            let (checked, used) = self.check(&document);
            Done { checked, used, repaired: None }
        };
        Ok(found.into_iter().enumerate().map(lint).collect())
    }

    fn document(&self, input: &Input) -> Document {
        reading::document(input, &self.args.include_dir, &self.groups, &self.settings.reading)
    }

    fn check(&self, document: &Document) -> (Checked, Vec<usize>) {
        let path = self.settings.relative(&document.sources.get(document.source).name);
        let rules = self.settings.config.rules_for(&path);
        let sidecars = self.settings.config.suppress.iter().enumerate();
        let sidecars: Vec<(usize, &Sidecar)> = sidecars.filter(|(_, sidecar)| sidecar.is_about(&path)).collect();
        check(document, &rules, &sidecars)
    }

    /// What there is to say about the configuration's own suppressions: no reason, or no use for files that were linted.
    fn sidecars(&self, files: &[Checked], used: &BTreeSet<usize>) -> Option<Checked> {
        let Settings { config, file: Some((name, text)), .. } = &self.settings else { return None };
        let rules = config.rules_for(&self.settings.relative(name));
        let asked = |id: &str| rules.iter().copied().find(|rule| rule.id == id);
        let mut sources = Sources::default();
        sources.add(name, text.as_str());
        let mut findings = Vec::new();
        for (index, sidecar) in config.suppress.iter().enumerate() {
            let span = span_of(&sidecar.span);
            let add = |rule: Option<&'static Rule>| rule.map(|rule| about_sidecar(rule, span, sidecar));
            if sidecar.reason.is_none() {
                findings.extend(add(asked("STY003")));
            }
            let linted =
                files.iter().map(|file| self.settings.relative(&file.name)).filter(|path| sidecar.is_about(path));
            let mut could =
                linted.map(|path| config.rules_for(&path).iter().any(|rule| sidecar.names(rule))).peekable();
            if !used.contains(&index) && could.peek().is_some() && could.all(|asked| asked) {
                findings.extend(add(asked("STY004")));
            }
        }
        if findings.is_empty() {
            return None;
        }
        let named = fingerprints(&findings, &sources);
        let reported = |(finding, fingerprint)| Reported { finding, fingerprint, suppressed: None, since: None };
        Some(Checked {
            name: name.clone(),
            sources,
            source: CONFIG_SOURCE,
            no_files: Vec::new(),
            findings: findings.into_iter().zip(named).map(reported).collect(),
            not_understood: Vec::new(),
            has_meaning: true,
        })
    }

    /// Writes what was repaired, or shows it. Says whether something was shown.
    fn show_fixes(&self, repaired: Vec<Repaired>) -> Result<bool, Failure> {
        let mut differs = false;
        for repair in repaired {
            if self.args.diff {
                differs = true;
                output::write(self.args.output.as_deref(), repair.diff().as_bytes())?;
            } else {
                output::write(Some(&repair.path), repair.text.as_bytes())?;
                repair.say();
            }
        }
        Ok(differs && self.settings.fail_on != FailOn::Never)
    }

    fn report(&self, files: &[Checked]) -> Result<String, Failure> {
        Ok(match self.args.format {
            LintFormat::Human => human::findings(files, self.args.output.is_none()),
            LintFormat::Json => report::json(files),
            LintFormat::Sarif => {
                let mut rules: Vec<_> = files
                    .iter()
                    .flat_map(|file| self.settings.config.rules_for(&self.settings.relative(&file.name)))
                    .collect();
                rules.sort_by_key(|rule| rule.id);
                rules.dedup();
                report::sarif(files, &rules, env!("CARGO_PKG_VERSION"))
            }
            LintFormat::Github => report::github(files),
            LintFormat::Gitlab => report::gitlab(files),
            LintFormat::Junit => report::junit(files)?,
        })
    }

    fn fails(&self, file: &Checked) -> bool {
        let least = match self.settings.fail_on {
            FailOn::Error => Severity::Error,
            FailOn::Warning => Severity::Warning,
            FailOn::Note => Severity::Note,
            FailOn::Never => return false,
        };
        !file.not_understood.is_empty() || file.findings.iter().any(|one| one.counts() && one.finding.severity >= least)
    }
}

fn span_of(range: &std::ops::Range<usize>) -> Span {
    let byte = |at| u32::try_from(at).unwrap_or(u32::MAX);
    Span { source: CONFIG_SOURCE, start: byte(range.start), end: byte(range.end) }
}

/// Takes away what is found in one file by way of several, and says how many files are nothing but parts of others: they have
/// no default of their own, and another file uses them.
fn without_repeats(checked: &mut Vec<Checked>, found: &[Found]) -> usize {
    let identity = |name: &str| input::identity(Path::new(name));
    let used = |file: &Checked| -> Vec<PathBuf> {
        let others = (0..).map(SourceId).take(file.sources.len()).filter(|id| *id != file.source);
        others.map(|id| file.sources.get(id).name.clone()).map(|name| identity(&name)).collect()
    };
    let parts: BTreeSet<PathBuf> = checked.iter().flat_map(used).collect();
    let walked: BTreeMap<PathBuf, bool> =
        found.iter().map(|file| (identity(&file.path.display().to_string()), file.walked)).collect();
    let before = checked.len();
    checked.retain(|file| {
        let name = identity(&file.name);
        let is_part = parts.contains(&name) && walked.get(&name) == Some(&true);
        let lacks_default = !file.has_meaning && file.not_understood.iter().any(|said| said.code == "no-default");
        !(is_part && lacks_default)
    });
    let mut seen = BTreeSet::new();
    let place = |file: &Checked, one: &Reported| {
        let span = one.finding.labels.first().map(|label| label.span)?;
        let name = &file.sources.get(span.source).name;
        Some((one.finding.rule.id, identity(name), span.start, span.end, one.finding.message.clone()))
    };
    for file in checked.iter() {
        let own = file
            .findings
            .iter()
            .filter(|one| one.finding.labels.first().is_some_and(|label| label.span.source == file.source));
        seen.extend(own.filter_map(|one| place(file, one)));
    }
    for file in checked.iter_mut() {
        let findings = std::mem::take(&mut file.findings);
        let kept = findings.into_iter().filter(|one| {
            let is_own = one.finding.labels.first().is_none_or(|label| label.span.source == file.source);
            is_own || place(file, one).is_none_or(|place| seen.insert(place))
        });
        file.findings = kept.collect();
    }
    before - checked.len()
}
