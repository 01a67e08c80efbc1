//! `callgate lint`

mod files;
mod fixes;
mod human;
mod reading;
mod settings;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use callgate_compiler::lower::Groups;
use callgate_compiler::policy::Policy;
use callgate_grammar::{Severity, SourceId, Sources, Span};
use callgate_lint::{
    Baseline, Checked, Document, Reading, Reported, Rule, Sidecar, about_sidecar, check, fingerprints, report,
};
use callgate_profiles::import::bpf::RawFilter;
use callgate_tracer::filters::filters;
use indicatif::{ParallelProgressIterator, ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::prelude::*;

use crate::cli::{FailOn, Lint, LintFormat};
use crate::commands::exposure;
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
    /// Whether it is a compiled filter.
    is_filter: bool,
    /// The files of profiles that it names, of a workload.
    profiles: Vec<PathBuf>,
}

pub(crate) fn run(args: &Lint) -> Outcome {
    let settings = Settings::of(args)?;
    let baseline = args.baseline.as_deref().map(read_baseline).transpose()?;
    if let Some(path) = &args.output {
        output::can_write(path)?;
    }
    if args.statistics {
        programs(args, "findings are counted")?;
    }
    let mut linter = Linter { args, settings, groups: policy::groups() };
    if let Some(path) = &args.source {
        linter.settings.reading.source = Some(linter.source(path)?);
    }
    let found = files::of(&args.files, &linter.settings)?;
    if args.exposure {
        return linter.exposure(&found.files);
    }
    let bar = progress(found.files.len());
    let lint = |file: &Found| linter.file(&file.path);
    let mut done: Vec<Result<Vec<Done>, Failure>> =
        found.files.par_iter().progress_with(bar.clone()).map(lint).collect();
    bar.finish_and_clear();
    let named = linter.named_by(&done, &found.files);
    done.extend(named.iter().map(|path| linter.file(path)));
    let mut failed = 0;
    let mut all = Vec::new();
    for outcome in done {
        match outcome {
            Ok(done) => all.extend(done),
            Err(failure) => {
                eprintln!("{failure}");
                failed += 1;
            }
        }
    }
    if let Some(pid) = args.pid {
        all.extend(linter.process(pid)?);
    }
    if let Some(path) = args.source.as_ref().filter(|_| failed == 0 && !all.iter().any(|done| done.is_filter)) {
        return Err(Failure::new(format!("no file is a compiled filter that could be held to {}", path.display()))
            .help("name the filter as a file or with --pid, or leave --source out"));
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

/// Whether what is no list of findings is written for programs.
fn programs(args: &Lint, what: &str) -> Result<bool, Failure> {
    match args.format {
        LintFormat::Human => Ok(false),
        LintFormat::Json => Ok(true),
        _ => Err(Failure::new(format!("{what} as text or JSON")).help("leave --format out, or write `--format json`")),
    }
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
    fn file(&self, path: &Path) -> Result<Vec<Done>, Failure> {
        let mut text = None;
        let mut all = Vec::new();
        for input in Input::read(path, self.args.from)?.filters() {
            // The fixes of one filter in a file are there when the next is read.
            let input = match text.take() {
                Some(text) => input.with_text(text),
                None => input,
            };
            let document = self.document(&input);
            let (checked, used) = self.check(&document);
            let repaired = if self.args.fix || self.args.diff || self.args.unsafe_fixes {
                fixes::repair(self, &input, &document, &checked)
            } else {
                None
            };
            let (checked, used) = match &repaired {
                Some(repaired) => {
                    text = Some(repaired.text.clone());
                    self.check(&self.document(&input.with_text(repaired.text.clone())))
                }
                None => (checked, used),
            };
            let profiles = reading::profiles_of(&document, path, &self.args.include_dir);
            all.push(Done { checked, used, repaired, is_filter: document.filter().is_some(), profiles });
        }
        Ok(all)
    }

    /// The profiles that workloads name and that aren't among the files themselves.
    fn named_by(&self, done: &[Result<Vec<Done>, Failure>], files: &[Found]) -> Vec<PathBuf> {
        let mut seen: BTreeSet<PathBuf> = files.iter().map(|file| input::identity(&file.path)).collect();
        let named = done.iter().flatten().flatten().flat_map(|done| &done.profiles);
        named.filter(|path| seen.insert(input::identity(path))).cloned().collect()
    }

    fn process(&self, pid: i32) -> Result<Vec<Done>, Failure> {
        let lint = |document: Document| {
            let (checked, used) = self.check(&document);
            Done { checked, used, repaired: None, is_filter: true, profiles: Vec::new() }
        };
        Ok(self.filters(pid)?.into_iter().map(lint).collect())
    }

    /// The filters of a process, the first one loaded first.
    fn filters(&self, pid: i32) -> Result<Vec<Document>, Failure> {
        let found = filters(pid)?;
        if found.is_empty() {
            return Err(
                Failure::new(format!("process {pid} has no filter")).help("look at `Seccomp:` in /proc/PID/status")
            );
        }
        let endian = input::native_endian();
        let document = |(at, program)| {
            let filter = RawFilter { program, endian };
            let name = format!("filter {at} of process {pid}");
            Document::of_filter(&name, filter, &self.groups, self.settings.reading.clone())
        };
        Ok(found.into_iter().enumerate().map(document).collect())
    }

    /// What compiled filters are to do: the policy that a file means for the target.
    fn source(&self, path: &Path) -> Result<Policy, Failure> {
        let document = self.document(&Input::read(path, None)?);
        document.meaning.map(|meaning| meaning.policy).ok_or_else(|| {
            Failure::new(format!("{} can't be read, so no filter can be held to it", path.display()))
                .help(format!("see what is wrong with it: `callgate lint {}`", path.display()))
        })
    }

    /// The exposure of every file and process.
    fn exposure(&self, files: &[Found]) -> Outcome {
        let programs = programs(self.args, "the exposure is written")?;
        let mut documents = Vec::new();
        for file in files {
            let filters = Input::read(&file.path, self.args.from)?.filters();
            documents.extend(filters.iter().map(|input| self.document(input)));
        }
        if let Some(pid) = self.args.pid {
            documents.extend(self.filters(pid)?);
        }
        exposure::run(&documents, programs, self.args.output.as_deref())
    }

    fn document(&self, input: &Input) -> Document {
        self.document_as(input, &self.settings.reading)
    }

    fn document_as(&self, input: &Input, reading: &Reading) -> Document {
        reading::document(input, &self.args.include_dir, &self.groups, reading)
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
            lacks_default: false,
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
        if self.args.statistics {
            return self.statistics(files);
        }
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

    fn statistics(&self, files: &[Checked]) -> Result<String, Failure> {
        let statistics = report::Statistics::of(files);
        Ok(if programs(self.args, "findings are counted")? { statistics.json() } else { statistics.text() })
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
    let ids = |file: &Checked| (0..).map(SourceId).take(file.sources.len());
    let others = |file: &Checked| ids(file).filter(|id| *id != file.source).collect::<Vec<_>>();
    let used =
        |file: &Checked| others(file).into_iter().map(|id| identity(&file.sources.get(id).name)).collect::<Vec<_>>();
    let parts: BTreeSet<PathBuf> = checked.iter().flat_map(used).collect();
    let walked: BTreeSet<PathBuf> =
        found.iter().filter(|file| file.walked).map(|file| input::identity(&file.path)).collect();
    let before = checked.len();
    checked.retain(|file| {
        let name = identity(&file.name);
        !(file.lacks_default && parts.contains(&name) && walked.contains(&name))
    });
    let mut seen = BTreeSet::new();
    // What stands in a file itself is kept there; of what several files use, and of the filters in one file, the first.
    for own in [true, false] {
        for file in checked.iter_mut() {
            let names: Vec<PathBuf> = ids(file).map(|id| identity(&file.sources.get(id).name)).collect();
            let source = file.source;
            file.findings.retain(|one| {
                let Some(span) = one.finding.labels.first().map(|label| label.span) else { return true };
                let place = (one.finding.rule.id, names[span.source.0 as usize].clone(), span.start, span.end);
                (span.source == source) != own || seen.insert((place, one.finding.message.clone()))
            });
        }
    }
    before - checked.len()
}
