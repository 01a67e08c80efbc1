//! The command line's shape. The only file that says what is called how.

// Doc comments here are what `--help` prints.
#![allow(clippy::doc_markdown)]

mod hook;
mod lint;
mod scope;

use std::ffi::OsString;
use std::path::PathBuf;

use callgate_compiler::generate::Optimize;
use callgate_profiles::derive::{Otherwise, SiblingCalls};
use callgate_profiles::engine::Engine;
use callgate_profiles::export::Format;
use callgate_profiles::import;
use callgate_profiles::recording::Backend;
use callgate_profiles::{Arguments, Runtime};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use hook::{Hook, HookedEngine};
pub(crate) use lint::{FailOn, Lint, LintFormat};
pub(crate) use scope::ScopeArgs;

/// A seccomp profile toolkit: a policy language, a proven BPF compiler, a recorder that loses nothing.
#[derive(Parser)]
#[command(name = "callgate", version, max_term_width = 100, subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = "Exit status: 0 success, 1 findings, 2 usage or input or output, 3 an incomplete recording. \
    `record` and `run` exit as their command does.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Compile a policy, by default to the JSON that `docker run --security-opt seccomp=` takes
    Compile(Compile),
    /// Say what happens to a call, and which line decided it
    Eval(Eval),
    /// Check the `expect:` lines of policies
    Test(Test),
    /// Write policies in the one canonical form
    Fmt(Fmt),
    /// Find what profiles let through that their authors don't mean, and what engines read in another way
    Lint(Lint),
    /// Compare two policies exactly; a difference comes with a call that shows it
    Diff(Diff),
    /// Make one policy of several: what one of them allows, what all allow, or what a stack of them enforces
    Merge(Merge),
    /// Show what a filter does as a policy: a file's, or those of a living process; or the page of a rule of `lint`
    Explain(Explain),
    /// Record every system call of a command and all its descendants
    Record(Record),
    /// Run one test of a test suite, and add what it did to a recording; or hold it to one
    Learn(Learn),
    /// Turn recordings into a minimal policy or profile
    Derive(Derive),
    /// Run a command under a policy
    Run(Run),
    /// Record containers as a hook of their runtime, or in the runtime's place
    Hook(Hook),
    /// Try out what works on this machine, and say what is missing where it doesn't
    Doctor(Doctor),
    /// Print the completions for a shell
    Completions(Completions),
    /// Print the manual page, in roff
    Man,
}

/// Which policy, and for what.
#[derive(Args)]
pub(crate) struct PolicyArgs {
    /// A statement of the policy, nearer than the file's own; may be given more than once
    #[arg(short = 'e', long = "statement", value_name = "STMT")]
    pub(crate) statements: Vec<String>,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// What a policy is read for.
#[derive(Args, Default)]
pub(crate) struct TargetArgs {
    /// ABIs the filter speaks for, instead of the policy's `arch:` (x86_64, x86, x32, aarch64, arm, riscv64, …; a wrong name lists all)
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) arch: Vec<String>,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// What `when` is held against, and how files are read.
#[derive(Args, Clone, Default)]
pub(crate) struct HostArgs {
    /// Capabilities `when cap` holds for, instead of Docker's default 14 (`none` for none)
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) cap: Option<Vec<String>>,
    /// The kernel `when kernel` holds for, instead of the policy's `known:` or the running one
    #[arg(long, value_name = "VERSION")]
    pub(crate) kernel: Option<String>,
    /// What the files are, instead of what they look like
    #[arg(long, value_name = "FORMAT", value_parser = parse_read_as())]
    pub(crate) from: Option<ReadAs>,
    /// Whose reading of Docker's, Podman's and OCI's JSON counts: the document's own, or what this engine enforces on this machine (or on that of --arch)
    #[arg(long, value_name = "ENGINE", default_value = "document", value_parser = parse_engine())]
    pub(crate) engine: Engine,
    /// A folder to look in for files that a file of another format includes; may be given more than once
    #[arg(long, value_name = "DIR")]
    pub(crate) include_dir: Vec<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Compile {
    /// Policy files; `@docker-default` for a shipped one, `-` for standard input
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// What makes the filter (bpf, asm, c); another compiler's is written only when it is proven equal to the policy
    #[arg(long, value_name = "BACKEND", default_value = "callgate", conflicts_with_all = ["optimize", "exhaustive", "weights"])]
    pub(crate) backend: FilterBackend,
    #[command(flatten)]
    pub(crate) objective: ObjectiveArgs,
    /// Also print what the filter costs: its size before and after the kernel's conversion, executed instructions (mean and
    /// worst), and which calls the kernel will cache, with the reason for each that it won't. On standard output with -o,
    /// else on standard error. `=human` for lines instead of one JSON object
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "json")]
    pub(crate) stats: Option<Facts>,
}

/// What makes filters of policies.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FilterBackend {
    /// callgate's own compiler.
    Callgate,
    /// The seccompiler crate: x86_64, aarch64 and riscv64, one ABI and two actions a filter.
    Seccompiler,
    /// libseccomp, when callgate was built with it.
    Libseccomp,
}

/// What the instructions are to be good at. They mean the same whatever it is.
#[derive(Args)]
pub(crate) struct ObjectiveArgs {
    /// What comes first: fewest instructions, fewest executed by the mean call, or both. Of an allowed call that no argument
    /// decides, kernels from 5.11 on execute none
    #[arg(long, value_name = "WHAT", default_value = "balanced", value_parser = parse_optimize())]
    pub(crate) optimize: Optimize,
    /// Look for the best search tree among all there are, not among good ones: some 10 ms
    #[arg(long)]
    pub(crate) exhaustive: bool,
    /// How often each call is made: a recording, or JSON like {"read": 120, "write": 30}; FILE#MIX where the file has several
    /// mixes by name. `--kernel` before 5.11 makes the calls count that newer kernels cache
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,
}

/// How and where a profile is written.
#[derive(Args)]
pub(crate) struct OutputArgs {
    /// The format
    #[arg(long, value_name = "FORMAT", default_value = "docker", value_parser = parse_format())]
    pub(crate) to: Format,
    #[command(flatten)]
    pub(crate) export: ExportArgs,
}

/// What an export may leave out.
#[derive(Args)]
pub(crate) struct ExportArgs {
    /// Where to write; standard output without it
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
    /// Write the file even where the format can't say what the policy says about a named call
    #[arg(long)]
    pub(crate) allow_lossy: bool,
    /// Refuse whatever the format can't say, also about unlisted ABIs and numbers without a name
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Args)]
pub(crate) struct Eval {
    /// The policy; `@docker-default` for a shipped one, `-` for standard input
    #[arg(value_name = "FILE", required_unless_present = "vectors")]
    pub(crate) file: Option<PathBuf>,
    /// Calls: `read`, `socket(AF_UNIX, SOCK_STREAM, 0)`, `clone(flags has CLONE_NEWUSER)`; what is left out means every value
    #[arg(value_name = "CALL", required_unless_present = "vectors")]
    pub(crate) calls: Vec<String>,
    /// Check a table of calls and actions (TOML) instead; without FILE, under the table's own policy
    #[arg(long, value_name = "TABLE", conflicts_with_all = ["calls", "arch", "json"])]
    pub(crate) vectors: Option<PathBuf>,
    /// A statement of the policy, nearer than the file's own; may be given more than once
    #[arg(short = 'e', long = "statement", value_name = "STMT")]
    pub(crate) statements: Vec<String>,
    /// ABIs the call is made through, instead of this machine's
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) arch: Vec<String>,
    #[command(flatten)]
    pub(crate) host: HostArgs,
    /// One JSON object a call
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(
    after_help = "Exits 0 when every expectation holds, and 1 when one doesn't, when a mutant survives, or when \
    --coverage=require finds a target that no expectation reaches. Every answer is about all calls, never about samples."
)]
pub(crate) struct Test {
    /// Policy files; `@docker-default` for a shipped one, `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// Also name the targets that decide calls no expectation is about; `=require` to exit 1 when there are any
    #[arg(long, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "report")]
    pub(crate) coverage: Option<Coverage>,
    /// Also change each target, one at a time, and name the changes that no expectation notices: the target taken away,
    /// its action turned round, each of its conditions taken away and turned round
    #[arg(long)]
    pub(crate) mutants: bool,
    /// `json`: one object a line
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) format: Facts,
}

/// What `test --coverage` is for.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Coverage {
    /// Say what isn't reached.
    Report,
    /// Fail when something isn't.
    Require,
}

/// How a command prints facts.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Facts {
    /// Lines for people.
    Human,
    /// One JSON object a line.
    Json,
}

#[derive(Args)]
pub(crate) struct Fmt {
    /// Policy files, rewritten in place; `-` reads standard input and writes standard output
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Change nothing; exit 1 when a file isn't in the canonical form
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Args)]
#[command(
    after_help = "Exits 0 when they are the same (or A is within B), 1 when not, 2 when it can't be decided. Calls with the same \
    pair of answers stand on one line: by name when the arguments don't matter, else as the smallest call that shows it.\n\n\
    The object of --json has `relation` (equal, subset), `holds`, `complete` (false when only the first 20,000 ranges are \
    listed), `differences` and `settings`. A difference is one range of numbers of one ABI with one pair of answers: `arch`, \
    `tokens` and `numbers` (first and last), `names` (of the numbers that have one), `call` (the smallest, spelled out), \
    `args`, `instruction_pointer`, `always` (whatever the arguments), and `left` and `right` with `action` and `because` \
    (null for a raw filter). A setting is `flags`, `listener` or `listener-metadata`, with what is `left` and `right`; --subset passes over them."
)]
pub(crate) struct Diff {
    /// One policy: a file of any format that can be read, or a raw filter (`.bpf`)
    #[arg(value_name = "A")]
    pub(crate) left: PathBuf,
    /// The other
    #[arg(value_name = "B", required_unless_present = "engines")]
    pub(crate) right: Option<PathBuf>,
    /// Compare what two engines make of A, instead of A with B (`runc,crun`)
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with_all = ["right", "engine"], value_parser = parse_engine())]
    pub(crate) engines: Vec<Engine>,
    /// Only ask whether A lets through no more than B
    #[arg(long)]
    pub(crate) subset: bool,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Args)]
#[command(
    after_help = "Every call is decided on its own: numbers without a name, unlisted ABIs and argument values too. In the kernel's \
    order (kill, kill-thread, trap, errno, notify, trace, log, allow) the union takes the mildest of the files' actions, the \
    others the most severe. Of two errnos the union takes the larger number (ENOSYS over EPERM, so that a fallback goes on \
    working), the intersection the smaller, a stack the last file's. One file comes out without what changes nothing. \
    The result is proven against the files on every call before it is written."
)]
pub(crate) struct Merge {
    /// Policies: files of any format that can be read; `-` for standard input. Of a stack, in the order of loading
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Allow what one of them allows (the default)
    #[arg(long, group = "rule")]
    pub(crate) union: bool,
    /// Allow what all of them allow
    #[arg(long, group = "rule")]
    pub(crate) intersect: bool,
    /// Do what the kernel does with all of them loaded, the first one first
    #[arg(long, group = "rule")]
    pub(crate) stack: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) objective: ObjectiveArgs,
    /// Say as one JSON object on standard output what each file decides and on which calls they don't agree
    #[arg(long, requires = "output")]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(
    after_help = "What is shown is a policy under a few lines of comment, proven to do what the filter does. What no \
    policy can say is in the comment. A filter without a policy is listed, and the exit status is 1. \
    The filters of a process are shown to root outside of containers."
)]
pub(crate) struct Explain {
    /// A raw filter (`.bpf`), a listing, a policy, or a file of any format that can be read; or a recording (or a folder of
    /// them), of which it is said why each call is allowed
    #[arg(value_name = "FILE", required_unless_present = "pid", conflicts_with = "pid")]
    pub(crate) file: Option<PathBuf>,
    /// Only this call of the recording, at length: who made it first, in which runs, with which values, and what is derived
    #[arg(value_name = "CALL")]
    pub(crate) call: Option<String>,
    /// Show the filters of this process or thread instead, the first one loaded first
    #[arg(long, value_name = "PID")]
    pub(crate) pid: Option<i32>,
    /// Only this filter of the process, the first one loaded being 0
    #[arg(long, value_name = "N", requires = "pid")]
    pub(crate) index: Option<usize>,
    /// What to show
    #[arg(long, value_name = "FORMAT", default_value = "gate")]
    pub(crate) to: Explanation,
    /// Where to write; standard output without it
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
    /// One JSON object a filter, or a call of a recording
    #[arg(long, conflicts_with = "to")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten, next_help_heading = "Of a recording, what is derived with")]
    pub(crate) derive: DeriveArgs,
}

/// What `explain` shows of a filter.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Explanation {
    /// The policy that it is.
    Gate,
    /// Its instructions, as bytes.
    Bpf,
    /// Its instructions, as a listing.
    Asm,
}

#[derive(Args)]
#[command(
    after_help = "Exits as CMD does, with --repeat as the first run of CMD that failed; 3 when the recording is \
    incomplete or not as stable as asked for, 2 when CMD could not be started. The file is written after every run."
)]
pub(crate) struct Record {
    /// Where to write; `-` for standard output
    #[arg(short, long, value_name = "OUT", default_value = "recording.json")]
    pub(crate) output: PathBuf,
    /// Write a policy (`gate`) or a profile (`docker`, `oci`, …) derived from the run instead of the recording
    #[arg(long, value_name = "FORMAT", default_value = "recording", value_parser = parse_record_format())]
    pub(crate) to: RecordFormat,
    /// Run the command so many times; with --until-stable, at most so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) repeat: Option<u32>,
    /// Run it until so many runs in a row showed nothing new (with --args, no new value either); at most 100 runs, or --repeat's
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) until_stable: Option<u32>,
    /// What watches the calls; without it eBPF, or what works without its rights
    #[arg(long, value_name = "BACKEND", value_parser = parse_backend())]
    pub(crate) backend: Option<Backend>,
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    #[command(flatten)]
    pub(crate) derive: DeriveArgs,
    /// The command. Of podman, buildah, runc, crun and youki, and of `docker run`, what the container does is recorded
    #[arg(value_name = "CMD", required_unless_present_any = ["container", "cgroup", "pid"], last = true)]
    pub(crate) command: Vec<OsString>,
}

#[derive(Args)]
#[command(
    after_help = "Made to be a test runner: CARGO_TARGET_<TRIPLE>_RUNNER=\"callgate learn --into seen --\" for cargo test and \
    nextest, `go test -exec`, CMAKE_TEST_LAUNCHER, `meson test --wrapper`. `callgate derive seen` makes the policy. \
    Exits as CMD does; 3 when the recording is incomplete, or with --locked when the test did something new."
)]
pub(crate) struct Learn {
    /// A folder, where each run gets a file of its own; made when it isn't there. With --locked also a recording or a policy
    #[arg(long, value_name = "REC")]
    pub(crate) into: PathBuf,
    /// Add nothing, and fail when the run did what REC doesn't have
    #[arg(long)]
    pub(crate) locked: bool,
    /// With --locked and a recording: which arguments' new values fail too. A policy says so itself
    #[arg(long, value_name = "WHICH", default_value = "none", requires = "locked", value_parser = parse_arguments())]
    pub(crate) args: Arguments,
    /// What watches the calls; without it eBPF, or what works without its rights
    #[arg(long, value_name = "BACKEND", value_parser = parse_backend())]
    pub(crate) backend: Option<Backend>,
    /// Keep the stack of whoever makes a call first, for `callgate explain` (eBPF or ptrace)
    #[arg(long)]
    pub(crate) stacks: bool,
    /// Let through what REC has already, where eBPF can't be used: such a call costs nothing then, and isn't counted
    #[arg(long, conflicts_with = "locked")]
    pub(crate) only_new: bool,
    /// The test
    #[arg(value_name = "CMD", required = true, last = true)]
    pub(crate) command: Vec<OsString>,
}

#[derive(Args)]
pub(crate) struct Derive {
    /// Recordings or folders of them, strace's text (also of `-c`), or audit records of a filter; `-` for standard input
    #[arg(value_name = "REC", required = true)]
    pub(crate) recordings: Vec<PathBuf>,
    /// A policy (`gate`) or a profile
    #[arg(long, value_name = "FORMAT", default_value = "gate", value_parser = parse_derive_format())]
    pub(crate) to: DeriveFormat,
    #[command(flatten)]
    pub(crate) derive: DeriveArgs,
    #[command(flatten)]
    pub(crate) export: ExportArgs,
    /// Derive from an incomplete recording all the same
    #[arg(long)]
    pub(crate) incomplete_ok: bool,
    /// Then run CMD so many times under the policy and say what it refuses; exits 1 when it refuses something that was not
    /// meant to be, or CMD ends otherwise than it did when it was recorded
    #[arg(long, value_name = "N", requires_all = ["command", "output"], value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) verify: Option<u32>,
    /// The command for --verify
    #[arg(value_name = "CMD", last = true, requires = "verify")]
    pub(crate) command: Vec<OsString>,
}

/// What is added to what was seen.
#[derive(Args)]
pub(crate) struct DeriveArgs {
    /// Add what this container runtime needs itself (runc, crun)
    #[arg(long, value_name = "RUNTIME", value_parser = parse_runtime())]
    pub(crate) runtime: Option<Runtime>,
    /// Allow arguments only with the values that were seen: `safe` holds the selectors and flags that decide what power a call
    /// is (socket family, ioctl command, protection of memory…), `all` every selector and every set of flags. What that costs
    /// is printed
    #[arg(long, value_name = "WHICH", default_value = "none", value_parser = parse_arguments())]
    pub(crate) args: Arguments,
    /// The same as `--args safe`
    #[arg(long, conflicts_with = "args", hide = true)]
    pub(crate) arguments: bool,
    /// Also allow what C libraries and language runtimes may call instead of what was seen, in another version or at another
    /// moment (`libc`); `none` gives the smallest policy, for the machine it was learnt on
    #[arg(long, value_name = "WHICH", default_value = "libc", value_parser = parse_siblings())]
    pub(crate) siblings: SiblingCalls,
    /// What happens to every other call: errno (EPERM), kill (the process), or log (allow and write an audit record)
    #[arg(long, value_name = "ACTION", default_value = "errno", value_parser = parse_otherwise())]
    pub(crate) default: Otherwise,
    /// Put calls that were seen in fewer than N runs in a statement of their own, and name them
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) min_runs: u64,
}

impl DeriveArgs {
    /// How far arguments are held.
    pub(crate) fn held(&self) -> Arguments {
        if self.arguments { Arguments::Safe } else { self.args }
    }
}

#[derive(Args)]
#[command(
    after_help = "CMD replaces callgate: its exit status and signals are its own. no_new_privs is set first, so setuid bits \
    and file capabilities take no effect in CMD. When the filter can't be loaded nothing runs (exit status 2). The only \
    call made under the filter before CMD's own is execve, which the policy must allow."
)]
pub(crate) struct Run {
    /// Policy files; may be left out with -e
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    #[command(flatten)]
    pub(crate) objective: ObjectiveArgs,
    /// Don't set no_new_privs; needs CAP_SYS_ADMIN
    #[arg(long)]
    pub(crate) keep_privileges: bool,
    /// The command
    #[arg(value_name = "CMD", required = true, last = true)]
    pub(crate) command: Vec<OsString>,
}

#[derive(Args)]
#[command(
    after_help = "Exits 0 when a filter can be loaded and a recorder works, 1 otherwise. Runs `true` under each recorder."
)]
pub(crate) struct Doctor {
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// What a file is read as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadAs {
    /// A policy in callgate's language.
    Gate,
    /// Another format that becomes one.
    Foreign(import::Format),
    /// Raw instructions.
    Bpf,
}

/// What `derive` writes.
#[derive(Clone, Copy)]
pub(crate) enum DeriveFormat {
    /// The policy, in callgate's language.
    Gate,
    /// A profile compiled from it.
    Profile(Format),
}

/// What `record` writes.
#[derive(Clone, Copy)]
pub(crate) enum RecordFormat {
    /// What was observed.
    Recording,
    /// What `derive` would make of it.
    Derived(DeriveFormat),
}

fn parse_format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.iter().map(|format| format.name())).try_map(|name| name.parse::<Format>())
}

fn parse_read_as() -> impl TypedValueParser<Value = ReadAs> {
    let names = ["gate"].into_iter().chain(import::Format::ALL.iter().map(|format| format.name())).chain(["bpf"]);
    PossibleValuesParser::new(names).try_map(|name| match name.as_str() {
        "gate" => Ok(ReadAs::Gate),
        "bpf" => Ok(ReadAs::Bpf),
        name => name.parse().map(ReadAs::Foreign),
    })
}

/// What a derived policy is written in, its own language first.
fn written_formats() -> impl Iterator<Item = &'static str> {
    let others = Format::ALL.iter().map(|format| format.name()).filter(|name| *name != "gate");
    ["gate"].into_iter().chain(others)
}

fn parse_engine() -> impl TypedValueParser<Value = Engine> {
    PossibleValuesParser::new(Engine::ALL.iter().map(|engine| engine.name())).try_map(|name| name.parse::<Engine>())
}

fn parse_derive_format() -> impl TypedValueParser<Value = DeriveFormat> {
    PossibleValuesParser::new(written_formats())
        .try_map(|name| if name == "gate" { Ok(DeriveFormat::Gate) } else { name.parse().map(DeriveFormat::Profile) })
}

fn parse_record_format() -> impl TypedValueParser<Value = RecordFormat> {
    let names = ["recording"].into_iter().chain(written_formats());
    PossibleValuesParser::new(names).try_map(|name| match name.as_str() {
        "recording" => Ok(RecordFormat::Recording),
        "gate" => Ok(RecordFormat::Derived(DeriveFormat::Gate)),
        name => name.parse().map(|format| RecordFormat::Derived(DeriveFormat::Profile(format))),
    })
}

fn parse_backend() -> impl TypedValueParser<Value = Backend> {
    const BACKENDS: [(&str, Backend); 3] =
        [("ebpf", Backend::Ebpf), ("notify", Backend::Notify), ("ptrace", Backend::Ptrace)];
    PossibleValuesParser::new(BACKENDS.map(|(name, _)| name)).map(|name| {
        let found = BACKENDS.iter().find(|(known, _)| *known == name);
        found.map(|(_, backend)| *backend).expect("clap lets the possible values through only")
    })
}

fn parse_optimize() -> impl TypedValueParser<Value = Optimize> {
    const WAYS: [(&str, Optimize); 3] =
        [("size", Optimize::Size), ("balanced", Optimize::Balanced), ("speed", Optimize::Speed)];
    PossibleValuesParser::new(WAYS.map(|(name, _)| name)).map(|name| {
        let found = WAYS.iter().find(|(known, _)| *known == name);
        found.map(|(_, way)| *way).expect("clap lets the possible values through only")
    })
}

fn parse_arguments() -> impl TypedValueParser<Value = Arguments> {
    PossibleValuesParser::new(Arguments::ALL.iter().map(|&(_, name)| name)).try_map(|name| name.parse::<Arguments>())
}

fn parse_otherwise() -> impl TypedValueParser<Value = Otherwise> {
    PossibleValuesParser::new(Otherwise::ALL.iter().map(|&(_, name)| name)).try_map(|name| name.parse::<Otherwise>())
}

fn parse_siblings() -> impl TypedValueParser<Value = SiblingCalls> {
    PossibleValuesParser::new(SiblingCalls::ALL.iter().map(|&(_, name)| name)).map(|name| {
        let found = SiblingCalls::ALL.iter().find(|(_, known)| *known == name);
        found.map(|(which, _)| *which).expect("clap lets the possible values through only")
    })
}

fn parse_runtime() -> impl TypedValueParser<Value = Runtime> {
    PossibleValuesParser::new(Runtime::ALL.iter().map(|runtime| runtime.name())).try_map(|name| name.parse::<Runtime>())
}
