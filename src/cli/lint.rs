//! `callgate lint`: what is asked of which files, and how the answers are written.

use std::path::PathBuf;

use callgate_profiles::engine::{Engine, Libseccomp};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::{ReadAs, parse_engine, parse_read_as};

#[derive(Args)]
#[command(
    after_help = "Exits 0 when nothing is found at or above --fail-on, 1 when something is, 2 on usage or input or output. Folders \
    are walked as git sees them, and what is no profile is passed over. `callgate explain RULE` prints the page of a rule. \
    Settings come from callgate.toml in this folder or the nearest one above. A finding is suppressed with a reason: \
    `#[allow(RULE, \"reason\")]` before a statement, `callgate: allow(RULE) reason` in a comment of JSON and YAML, or \
    [[suppress]] in callgate.toml."
)]
pub(crate) struct Lint {
    /// Profiles, policies, filters, compose files and pod specs, or folders of them; `@docker-default` for a shipped policy, `-` for standard input
    #[arg(value_name = "FILE", required_unless_present = "pid")]
    pub(crate) files: Vec<PathBuf>,
    /// Lint the filters of this process or thread
    #[arg(long, value_name = "PID")]
    pub(crate) pid: Option<i32>,
    /// What the compiled filters among the files were compiled from: a call that one decides in another way is a finding (BPF006).
    /// It is read for --arch, --cap, --kernel and --engine
    #[arg(long, value_name = "POLICY", conflicts_with = "exposure")]
    pub(crate) source: Option<PathBuf>,
    /// How findings are written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) format: LintFormat,
    /// Ask these rules instead of the usual ones: ids, their beginnings (`RUL`), names, or ALL
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) select: Vec<String>,
    /// Don't ask these; the narrower of --select and --ignore counts
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,
    /// The least finding that makes the exit status 1 [default: error]
    #[arg(long, value_name = "SEVERITY")]
    pub(crate) fail_on: Option<FailOn>,
    /// Make the safe fixes; each file is read again, and written only when no call changed that the fixes don't name
    #[arg(long)]
    pub(crate) fix: bool,
    /// Make the fixes that change what a profile allows, too
    #[arg(long)]
    pub(crate) unsafe_fixes: bool,
    /// Print what fixes would change, and write nothing; exits 1 when there is something
    #[arg(long)]
    pub(crate) diff: bool,
    /// Let only findings count that this report in SARIF doesn't have
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// The settings, instead of the nearest callgate.toml
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Say instead which known vulnerabilities of the kernel each profile leaves within reach and which it blocks by what, beside
    /// Docker's default and beside no filter; as text or (`--format json`) as JSON
    #[arg(long, conflicts_with_all = ["fix", "unsafe_fixes", "diff", "baseline", "fail_on", "select", "ignore"])]
    pub(crate) exposure: bool,
    /// Count the findings by rule and, of several files, by file, instead of writing each; as text or (`--format json`) as JSON
    #[arg(long, conflicts_with_all = ["diff", "exposure"])]
    pub(crate) statistics: bool,
    /// What the program was seen to call: recordings or folders of them, for the rules that ask what a profile allows beyond that
    #[arg(long, value_name = "REC")]
    pub(crate) seen: Vec<PathBuf>,
    /// Where to write the findings; standard output without it
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
    /// ABIs that are asked about, instead of those that the files list
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) arch: Vec<String>,
    /// Capabilities of the process, instead of Docker's default 14 (`none` for none)
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) cap: Option<Vec<String>>,
    /// The kernel the profiles are for [default: 6.12]
    #[arg(long, value_name = "VERSION")]
    pub(crate) kernel: Option<String>,
    /// The release of libseccomp below the engine, for what it has no name or flag for, or makes otherwise [default: 2.6.1]
    #[arg(long, value_name = "RELEASE", value_parser = parse_libseccomp())]
    pub(crate) libseccomp: Option<Libseccomp>,
    /// What the files are, instead of what they look like
    #[arg(long, value_name = "FORMAT", value_parser = parse_read_as())]
    pub(crate) from: Option<ReadAs>,
    /// Whose reading of Docker's, Podman's and OCI's JSON counts [default: document]
    #[arg(long, value_name = "ENGINE", value_parser = parse_engine())]
    pub(crate) engine: Option<Engine>,
    /// A folder to look in for files that a file of another format includes; may be given more than once
    #[arg(long, value_name = "DIR")]
    pub(crate) include_dir: Vec<PathBuf>,
}

/// How `lint` writes findings.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LintFormat {
    /// For people.
    Human,
    /// One JSON object a finding.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of a GitHub workflow's log.
    Github,
    /// GitLab's code quality report.
    Gitlab,
    /// JUnit's XML.
    Junit,
}

/// The least finding that fails `lint`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Errors.
    Error,
    /// Warnings and errors.
    Warning,
    /// Everything.
    Note,
    /// Nothing.
    Never,
}

fn parse_libseccomp() -> impl TypedValueParser<Value = Libseccomp> {
    PossibleValuesParser::new(Libseccomp::ALL.iter().map(|one| one.name())).try_map(|name| name.parse::<Libseccomp>())
}
