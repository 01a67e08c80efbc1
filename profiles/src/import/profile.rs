//! A profile as its file says it, before anyone says what it means: the JSON of OCI, Docker and Podman, and the
//! `SeccompProfile` of the security profiles operator.
//!
//! Every part knows where it stands. What the file's meaning is (the document's own, or an engine's) is for others to say.

mod action;
mod conditions;
mod read;

use callgate_compiler::abi::Abi;
use callgate_grammar::Span;

pub use action::ActionName;
pub(super) use read::read_value;
pub(crate) use read::{Keys, read};

/// A value and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct At<T> {
    /// What.
    pub value: T,
    /// Where.
    pub span: Span,
}

/// An action's number, as written, which `errnoRet` gives, and its name, which `errno` gives (Podman).
#[derive(Clone, Debug, Default)]
pub struct Errno {
    /// `errnoRet`.
    pub number: Option<At<u16>>,
    /// A name that some ABI knows.
    pub name: Option<At<String>>,
}

/// What happens to a call.
#[derive(Clone, Debug)]
pub struct Action {
    /// Which.
    pub name: At<ActionName>,
    /// With which number, for the actions that take one.
    pub errno: Errno,
}

/// How a masked argument is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Comparison {
    /// `SCMP_CMP_NE`
    NotEqual,
    /// `SCMP_CMP_LT`
    Less,
    /// `SCMP_CMP_LE`
    LessOrEqual,
    /// `SCMP_CMP_EQ`, and `SCMP_CMP_MASKED_EQ`
    Equal,
    /// `SCMP_CMP_GE`
    GreaterOrEqual,
    /// `SCMP_CMP_GT`
    Greater,
}

/// One comparison of a rule: `argument & mask`, how, `value`.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// 0 to 5.
    pub index: u8,
    /// How.
    pub comparison: Comparison,
    /// All ones but for `SCMP_CMP_MASKED_EQ`.
    pub mask: u64,
    /// No bit outside the mask.
    pub value: u64,
    /// `valueTwo`, where it stands without `SCMP_CMP_MASKED_EQ`, which alone looks at it.
    pub unused: Option<At<u64>>,
    /// The whole comparison.
    pub span: Span,
}

/// `includes` or `excludes`.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// The whole object. `None`: there is none.
    pub span: Option<Span>,
    /// Capabilities, without `CAP_`.
    pub capabilities: Vec<&'static str>,
    /// Names of machines, as Go's and libseccomp's lists have them.
    pub machines: Vec<String>,
    /// The oldest kernel: major and minor.
    pub kernel: Option<(u16, u16)>,
    /// Where that stands.
    pub kernel_at: Option<Span>,
}

/// One entry of `syscalls`.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The whole entry.
    pub span: Span,
    /// `names`, and `name`.
    pub names: Vec<At<String>>,
    /// The value of `name`, which older profiles have instead of `names`.
    pub name_at: Option<Span>,
    /// `comment`, which no engine reads.
    pub comment: Option<At<String>>,
    /// What happens to them.
    pub action: Action,
    /// When all of these hold.
    pub arguments: Vec<Argument>,
    /// Where all of these hold.
    pub includes: Conditions,
    /// Where none of these holds.
    pub excludes: Conditions,
}

/// An architecture of runtime-spec, or the name of one that the tables lack.
pub type Architecture = At<Result<Abi, &'static str>>;

/// One machine of `archMap`.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its own.
    pub architecture: Option<Architecture>,
    /// `subArchitectures`.
    pub others: Vec<Architecture>,
}

/// A whole file.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The whole profile.
    pub span: Span,
    /// `None`: the file gives none.
    pub default: Option<Action>,
    /// `architectures`.
    pub architectures: Vec<Architecture>,
    /// `archMap`.
    pub machines: Vec<Machine>,
    /// Where `archMap` stands, if it does.
    pub map_at: Option<Span>,
    /// `None`: the file has no such list, which isn't the same as an empty one.
    pub flags: Option<Vec<callgate_compiler::policy::FilterFlag>>,
    /// Where that list stands.
    pub flags_at: Option<Span>,
    /// `listenerPath`.
    pub listener: Option<At<String>>,
    /// `listenerMetadata`.
    pub metadata: Option<At<String>>,
    /// `syscalls`.
    pub entries: Vec<Entry>,
}

impl Profile {
    /// Every architecture that stands in the file.
    pub fn all_architectures(&self) -> impl Iterator<Item = &Architecture> {
        let of_machines = self.machines.iter().flat_map(|machine| machine.architecture.iter().chain(&machine.others));
        self.architectures.iter().chain(of_machines)
    }

    /// Whether engines take the file for none at all: no default and no rules (moby, `setupSeccomp`; runc, `SetupSeccomp`).
    pub fn is_empty(&self) -> bool {
        self.default.is_none() && self.entries.is_empty()
    }
}
