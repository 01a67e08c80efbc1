//! A profile as its file says it, before anyone says what it means: the JSON of OCI, Docker and Podman, and the
//! `SeccompProfile` of the security profiles operator.
//!
//! Every part knows where it stands. What the file's meaning is (the document's own, or an engine's) is for others to say.

mod action;
mod conditions;
mod read;

use callgate_compiler::abi::Abi;
use callgate_grammar::Span;

pub(crate) use action::ActionName;
pub(super) use read::read_value;
pub(crate) use read::{Keys, read};

/// A value and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// An action's number, as written, which `errnoRet` gives, and its name, which `errno` gives (Podman).
#[derive(Clone, Debug, Default)]
pub(crate) struct Errno {
    pub(crate) number: Option<At<u16>>,
    /// A name that some ABI knows.
    pub(crate) name: Option<At<String>>,
}

/// What happens to a call.
#[derive(Clone, Debug)]
pub(crate) struct Action {
    pub(crate) name: At<ActionName>,
    pub(crate) errno: Errno,
}

/// How a masked argument is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Comparison {
    NotEqual,
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

/// One comparison of a rule: `argument & mask`, how, `value`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Argument {
    /// 0 to 5.
    pub(crate) index: u8,
    pub(crate) comparison: Comparison,
    /// All ones but for `SCMP_CMP_MASKED_EQ`.
    pub(crate) mask: u64,
    /// No bit outside the mask.
    pub(crate) value: u64,
    pub(crate) span: Span,
}

/// `includes` or `excludes`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    /// Capabilities, without `CAP_`.
    pub(crate) capabilities: Vec<&'static str>,
    /// Names of machines, as Go's and libseccomp's lists have them.
    pub(crate) machines: Vec<String>,
    pub(crate) kernel: Option<(u16, u16)>,
}

/// One entry of `syscalls`.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) names: Vec<At<String>>,
    pub(crate) action: Action,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) includes: Conditions,
    pub(crate) excludes: Conditions,
}

/// An architecture of runtime-spec, or the name of one that the tables lack.
pub(crate) type Architecture = At<Result<Abi, &'static str>>;

/// One machine of `archMap`.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) architecture: Option<Architecture>,
    pub(crate) others: Vec<Architecture>,
}

/// A whole file.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) span: Span,
    /// `None`: the file gives none.
    pub(crate) default: Option<Action>,
    pub(crate) architectures: Vec<Architecture>,
    pub(crate) machines: Vec<Machine>,
    /// `None`: the file has no such list, which isn't the same as an empty one.
    pub(crate) flags: Option<Vec<callgate_compiler::policy::FilterFlag>>,
    pub(crate) listener: Option<At<String>>,
    pub(crate) metadata: Option<At<String>>,
    pub(crate) entries: Vec<Entry>,
}

impl Profile {
    /// Every architecture that stands in the file.
    pub(crate) fn all_architectures(&self) -> impl Iterator<Item = &Architecture> {
        let of_machines = self.machines.iter().flat_map(|machine| machine.architecture.iter().chain(&machine.others));
        self.architectures.iter().chain(of_machines)
    }

    /// Whether engines take the file for none at all: no default and no rules (moby, `setupSeccomp`; runc, `SetupSeccomp`).
    pub(crate) fn is_empty(&self) -> bool {
        self.default.is_none() && self.entries.is_empty()
    }
}
