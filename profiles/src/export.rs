//! A policy in the formats that other programs read.
//!
//! An export says the same as the policy about every named call on every listed ABI, or it is refused. What a format has
//! no words for beyond that (the action of unlisted ABIs, numbers without a name, trap data…) comes back as notes.

mod c;
mod document;
mod firejail;
pub mod gate;
mod kafel;
mod lxc;
mod minijail;
mod multiplexed;
mod names;
mod notes;
mod one_abi;
mod proof;
mod rules;
mod rust;
mod seccompiler;
mod spo;
mod systemd;
mod text_proof;

use std::fmt;
use std::str::FromStr;

use callgate_compiler::abi::{Abi, Endian};
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{self, Program};
use callgate_compiler::policy::Policy;
use callgate_compiler::tables;
use thiserror::Error;

pub use rules::MAX_ARGUMENT_RULES;

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// The JSON file that `docker run --security-opt seccomp=` and Podman take.
    Docker,
    /// The object that stands under `linux.seccomp` of an OCI bundle's `config.json`.
    Oci,
    /// The filter itself: a `struct sock_filter` array, as `bwrap --seccomp` takes it.
    Bpf,
    /// The filter as `bpf_asm` text.
    Asm,
    /// The filter as a C header.
    C,
    /// The policy in callgate's own language.
    Gate,
    /// Podman's form of Docker's JSON: errnos have their names as well.
    Podman,
    /// A `SeccompProfile` of the Kubernetes security profiles operator.
    Spo,
    /// The filter as a Rust source file.
    Rust,
    /// seccompiler's JSON, with one filter called `main`.
    Seccompiler,
    /// kafel's text, as nsjail takes it.
    Kafel,
    /// minijail's text.
    Minijail,
    /// A drop-in for systemd's units.
    Systemd,
    /// An LXC seccomp policy, version 2.
    Lxc,
    /// The seccomp lines of a firejail profile.
    Firejail,
}

impl Format {
    /// Every format.
    pub const ALL: &'static [Self] = &[
        Self::Docker,
        Self::Oci,
        Self::Bpf,
        Self::Asm,
        Self::C,
        Self::Gate,
        Self::Podman,
        Self::Spo,
        Self::Rust,
        Self::Seccompiler,
        Self::Kafel,
        Self::Minijail,
        Self::Systemd,
        Self::Lxc,
        Self::Firejail,
    ];

    /// Whether a file is one list of rules for all of its ABIs, whichever machine reads it.
    pub(crate) fn is_one_list(self) -> bool {
        matches!(self, Self::Oci | Self::Spo | Self::Lxc)
    }

    /// The name that `--to` takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Oci => "oci",
            Self::Bpf => "bpf",
            Self::Asm => "asm",
            Self::C => "c",
            Self::Gate => "gate",
            Self::Podman => "podman",
            Self::Spo => "spo",
            Self::Rust => "rust",
            Self::Seccompiler => "seccompiler",
            Self::Kafel => "kafel",
            Self::Minijail => "minijail",
            Self::Systemd => "systemd",
            Self::Lxc => "lxc",
            Self::Firejail => "firejail",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No format has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no format is called `{name}`\n  next: callgate writes {}", Format::ALL.iter().map(|format| format.name()).collect::<Vec<_>>().join(", "))]
pub struct UnknownFormat {
    /// What was asked for.
    pub name: String,
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let found = Self::ALL.iter().find(|format| format.name() == name);
        found.copied().ok_or_else(|| UnknownFormat { name: name.to_owned() })
    }
}

/// How exact an export has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportOptions {
    /// Where the format can't say what the policy says about a named call, say something stricter, with a note.
    pub allow_lossy: bool,
    /// Refuse an export that has notes.
    pub strict: bool,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The file.
    pub bytes: Vec<u8>,
    /// Where the file says something else than the policy, a sentence each.
    pub notes: Vec<String>,
}

/// A named call that a format can't say the truth about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The call.
    pub call: String,
    /// What about it.
    pub problem: Problem,
}

/// What a format with one rule list for several ABIs can't say about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// These ABIs decide it differently, and the format has one rule for all of them.
    AbisDisagree(Vec<Abi>),
    /// On this ABI it is decided by the high half of an argument, and libseccomp compares only the low one there, whatever the
    /// comparison: no file can say it. With two calls that the policy tells apart and no filter of libseccomp's can.
    HighWord(Abi, Option<[[u64; 6]; 2]>),
    /// The format has no words for what happens to it: this.
    Unsayable(String),
    /// On these ABIs libseccomp makes rules for this multiplexer of the call's rules, and they contradict each other.
    Multiplexed(&'static str, Vec<Abi>),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::AbisDisagree(abis) => {
                write!(f, "`{}` is decided differently on {}", self.call, some_abis(abis, " and "))
            }
            Problem::HighWord(abi, apart) => {
                write!(
                    f,
                    "`{}` depends on the high half of an argument, which libseccomp ignores on {abi}",
                    self.call
                )?;
                let differing = apart.iter().flat_map(|[one, other]| one.iter().zip(other).find(|(a, b)| a != b));
                differing.into_iter().try_for_each(|(one, other)| {
                    write!(f, " ({one:#x} and {other:#x} differ by the policy, and are the same to it)")
                })
            }
            Problem::Unsayable(what) => write!(f, "`{}` {what}", self.call),
            Problem::Multiplexed(multiplexer, abis) => write!(
                f,
                "the rules on `{}` differ by arguments, and libseccomp can't apply them to {multiplexer} on {}",
                self.call,
                some_abis(abis, ", ")
            ),
        }
    }
}

/// Why there is no export. Every message says what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExportError {
    /// The format can't say what the policy says about some named calls.
    #[error("{format} can't say what the policy says about {}: {}\n  next: {}", count(differences.len(), "call"), sample(differences), difference_help(*format))]
    Differs {
        /// The format.
        format: Format,
        /// Every such call, by name.
        differences: Vec<Difference>,
    },
    /// An OCI file would list ABIs of both byte orders: libseccomp refuses the second (EDOM, `db_col_db_add` in src/db.c).
    #[error(
        "no runtime loads an oci file with ABIs of both byte orders: {} and {}\n  next: export one file for each machine with `--arch`, or one with `--to docker`",
        some_abis(little, ", "),
        some_abis(big, ", ")
    )]
    ByteOrders {
        /// The little-endian ABIs of the policy.
        little: Vec<Abi>,
        /// The big-endian ones.
        big: Vec<Abi>,
    },
    /// A file of this format is for one ABI.
    #[error(
        "a {format} file is for one ABI, and the policy is for {}\n  next: export one file for each with `--arch`",
        some_abis(abis, " and ")
    )]
    OneAbi {
        /// The format.
        format: Format,
        /// The ABIs of the policy.
        abis: Vec<Abi>,
    },
    /// A file of this format is for one machine.
    #[error(
        "a {format} file is for one machine, and the policy is for {}\n  next: export one file for each with `--arch`",
        some_abis(abis, " and ")
    )]
    OneMachine {
        /// The format.
        format: Format,
        /// The ABIs of the policy.
        abis: Vec<Abi>,
    },
    /// The programs that read the format have no tables of this ABI.
    #[error("no program that reads {format} files knows {abi}\n  next: use `--to bpf`")]
    UnknownAbi {
        /// The format.
        format: Format,
        /// An ABI of the policy.
        abi: Abi,
    },
    /// The conditions come to more argument rules than any loader could put into one filter.
    #[error(
        "the conditions on `{call}` bring the file past {MAX_ARGUMENT_RULES} argument rules, more than a filter has room for\n  next: use `--to bpf`, or conditions with fewer values"
    )]
    TooManyRules {
        /// The call whose rules are too many.
        call: String,
    },
    /// The policy can't be written in the language.
    #[error(transparent)]
    Gate(#[from] gate::GateError),
    /// No engine would start a container with the file, or the format has no room for what it would have to say.
    #[error("nothing would take the {format} file: {problem}\n  next: change the policy there, or use `--to bpf`")]
    Refused {
        /// The format.
        format: Format,
        /// What is in the way.
        problem: String,
    },
    /// Read back as engines read it, the file does something else with a named call, and no note says so. A defect of
    /// callgate's; the file is not handed out.
    #[error(
        "internal error: the {format} file differs from the policy at {call}; it was not written, please report this policy"
    )]
    Unproven {
        /// The format.
        format: Format,
        /// A call that shows it.
        call: String,
    },
    /// The file is past what callgate can read back, so it can't be proven to say what the policy says.
    #[error(
        "the {format} file can't be proven to say what the policy says: {problem}\n  next: use `--to bpf`, or conditions with fewer values"
    )]
    NotReadBack {
        /// The format.
        format: Format,
        /// What stopped the reading.
        problem: String,
    },
    /// `strict` was asked for and there are notes.
    #[error("{format} can't say everything that the policy says, and strict was asked for: {}\n  next: leave `--strict` out, or change the policy", notes.join("; "))]
    Strict {
        /// The format.
        format: Format,
        /// What would have been said.
        notes: Vec<String>,
    },
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The first few names of ABIs.
fn some_abis(abis: &[Abi], between: &str) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<&str> = abis.iter().take(SHOWN).map(|abi| abi.name()).collect();
    match abis.len().saturating_sub(SHOWN) {
        0 => shown.join(between),
        more => format!("{} and {more} more ABIs", shown.join(", ")),
    }
}

/// The first few of a list, in words.
fn sample(differences: &[Difference]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = differences.iter().take(SHOWN).map(ToString::to_string).collect();
    match differences.len().saturating_sub(SHOWN) {
        0 => shown.join("; "),
        more => format!("{}; and {more} more", shown.join("; ")),
    }
}

fn difference_help(format: Format) -> &'static str {
    match format {
        Format::Systemd | Format::Firejail => {
            "use a format with conditions and more actions, `--to bpf` for instance, or take the stricter action with `--allow-lossy`"
        }
        Format::Lxc => "use another action, or take LXC's nearest with `--allow-lossy`",
        Format::Oci | Format::Spo => {
            "export one file for each ABI with `--arch`, or take the stricter action with `--allow-lossy`"
        }
        _ => {
            "decide the call alike on these ABIs, leave one out with `--arch`, or take the stricter action with `--allow-lossy`"
        }
    }
}

/// Writes a policy in a format. `program` is what the policy compiles to; the JSON formats don't look at it.
///
/// The same policy and program give the same bytes.
///
/// # Errors
/// When the format can't say what the policy says about a named call (unless `allow_lossy`), when it takes too many rules or
/// ABIs of both byte orders, or when there are notes and `strict` forbids them.
pub fn export(
    policy: &Policy,
    program: &Program,
    format: Format,
    options: &ExportOptions,
) -> Result<Export, ExportError> {
    let (little, big): (Vec<_>, Vec<_>) = policy.abis.keys().partition(|abi| abi.endian() == Endian::Little);
    if matches!(format, Format::Oci | Format::Spo) && !little.is_empty() && !big.is_empty() {
        return Err(ExportError::ByteOrders { little, big });
    }
    let endian = policy.abis.keys().next().map_or(Endian::Little, |abi| abi.endian());
    let name = |abi: Abi, nr: u32| tables::name(abi, nr);
    let export = match format {
        Format::Docker | Format::Oci | Format::Podman | Format::Spo => document::export(policy, format, options)?,
        Format::Seccompiler => seccompiler::export(policy)?,
        Format::Rust => Export { bytes: rust::source(program, endian).into_bytes(), notes: notes::of_filter(policy) },
        Format::Bpf => Export { bytes: bpf::to_bytes(program, endian), notes: notes::of_filter(policy) },
        Format::Asm => {
            Export { bytes: bpf::disassemble(program, endian, &name).into_bytes(), notes: notes::of_filter(policy) }
        }
        Format::Gate => Export { bytes: gate::gate(policy)?.into_bytes(), notes: Vec::new() },
        Format::Kafel => kafel::export(policy)?,
        Format::Minijail => minijail::export(policy)?,
        Format::Systemd => systemd::export(policy, options)?,
        Format::Lxc => lxc::export(policy, options)?,
        Format::Firejail => firejail::export(policy, options)?,
        Format::C => Export { bytes: c::source(program, endian).into_bytes(), notes: notes::of_filter(policy) },
    };
    if options.strict && !export.notes.is_empty() {
        return Err(ExportError::Strict { format, notes: export.notes });
    }
    Ok(export)
}

/// An action as people read it in a message: the language's spelling, with an errno's name.
fn spelled_on(abi: Abi, action: Action) -> String {
    match action {
        Action::Errno(number) => {
            tables::errno_name(abi, number).map_or_else(|| action.to_string(), |name| format!("errno({name})"))
        }
        _ => action.to_string(),
    }
}

/// As [`spelled_on`], for no ABI in particular: the names are those of all but MIPS.
fn spelled(action: Action) -> String {
    spelled_on(Abi::X86_64, action)
}
