//! The files of tests/vectors, read and lowered.

use std::collections::BTreeMap;
use std::fs;

use callgate_compiler::abi::{Abi, X32_BIT};
use callgate_compiler::call::SyscallData;
use callgate_compiler::lower::target::{Target, capability};
use callgate_compiler::lower::{Groups, Unit, lower};
use callgate_compiler::policy::Policy;
use callgate_grammar::tree::Version;
use callgate_grammar::{Diagnostic, Sources, parse};

use super::boundaries;
use crate::support::root;
use crate::table::{self, Table, Vector};

/// One file.
pub(crate) struct Case {
    /// Its name without the folder.
    pub(crate) file: String,
    /// Its text.
    pub(crate) text: String,
    /// What its policy means.
    pub(crate) policy: Policy,
    /// What must happen.
    pub(crate) vectors: Vec<Vector>,
}

/// A call to ask about, and what made us ask.
pub(crate) struct Asked {
    /// The call.
    pub(crate) data: SyscallData,
    /// The vector it belongs to, by position; `None` for one that was generated from the policy.
    pub(crate) vector: Option<usize>,
}

/// Every file, by name.
pub(crate) fn cases() -> Vec<Case> {
    let folder = root().join("tests/vectors");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("tests/vectors")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    files
        .iter()
        .map(|path| {
            let file = path.file_name().expect("a file").to_string_lossy().into_owned();
            case(file, fs::read_to_string(path).expect("a text"))
        })
        .collect()
}

fn case(file: String, text: String) -> Case {
    let table = table::read(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let policy = lowered(&file, &table.layers, &target(&table));
    Case { file, text, policy, vectors: table.vectors }
}

/// What a policy means, on every machine the same: nothing of the running kernel.
pub(crate) fn policy(name: &str, text: &str) -> Policy {
    lowered(name, &[text.to_owned()], &Target::new(Abi::ALL.to_vec(), Version { major: 6, minor: 18 }))
}

fn lowered(name: &str, layers: &[String], target: &Target) -> Policy {
    let mut sources = Sources::default();
    let mut units = Vec::new();
    let mut diagnostics = Vec::new();
    for (layer, text) in (1..).zip(layers) {
        let source = sources.add(name, text.as_str());
        let (parsed, found) = parse(source, text);
        diagnostics.extend(found);
        units.push(Unit { source, file: parsed, layer, scope: layer });
    }
    let lowered = lower(&units, &groups(), target);
    diagnostics.extend(lowered.diagnostics);
    assert!(!diagnostics.iter().any(Diagnostic::is_error), "{name}: {diagnostics:#?}");
    lowered.policy.unwrap_or_else(|| panic!("{name} has no policy"))
}

/// The same on every machine: nothing of the running kernel.
fn target(table: &Table) -> Target {
    let mut target = Target::new(Abi::ALL.to_vec(), Version { major: 6, minor: 18 });
    if let Some(text) = &table.kernel {
        let (major, minor) = text.split_once('.').expect("major.minor");
        let number = |digits: &str| digits.parse().expect("a number");
        target.kernel = Some(Version { major: number(major), minor: number(minor) });
    }
    if let Some(names) = &table.cap {
        target.capabilities = names.iter().map(|name| capability(name).expect("a capability")).collect();
    }
    target
}

fn groups() -> Groups {
    let groups = callgate_profiles::groups::groups().iter();
    groups
        .map(|(&name, group)| (name.to_owned(), group.members.iter().map(|&name| name.to_owned()).collect()))
        .collect::<BTreeMap<_, _>>()
}

impl Case {
    /// Every call worth asking about: of each vector, calls at the edges of what it says; of each checked call of the
    /// policy, the boundary values of every compared word; and numbers, known and unknown, on every ABI and off it.
    pub(crate) fn calls(&self) -> Vec<Asked> {
        let mut asked = Vec::new();
        for (index, vector) in self.vectors.iter().enumerate() {
            let words = boundaries::satisfying(&vector.condition);
            assert!(!words.is_empty(), "{}:{}: no call found for {}", self.file, vector.line, vector.text);
            let data = |args| SyscallData::new(vector.token, vector.nr, args);
            asked.extend(words.into_iter().map(|args| Asked { data: data(args), vector: Some(index) }));
        }
        let generated = around(&self.policy);
        for data in asked.iter_mut().map(|one| &mut one.data).filter(|data| has_narrow_registers(data.arch)) {
            data.args = data.args.map(|word| word & 0xffff_ffff);
        }
        asked.extend(generated.into_iter().map(|data| Asked { data, vector: None }));
        asked
    }
}

/// Calls around everything that a policy decides: of each checked call, the boundary values of every compared word; and
/// numbers, known and unknown, on every ABI and off it. Words of 32-bit registers are cut to those.
pub(crate) fn around(policy: &Policy) -> Vec<SyscallData> {
    let mut generated = Vec::new();
    for (abi, listed) in &policy.abis {
        for (&nr, call) in &listed.calls {
            let words = if call.clauses.is_empty() { vec![[0; 6]] } else { boundaries::around(call) };
            generated.extend(words.into_iter().map(|args| SyscallData::new(abi.token(), nr, args)));
        }
    }
    for abi in Abi::ALL {
        generated.extend(NUMBERS.iter().map(|&nr| SyscallData::new(abi.token(), nr, [u64::MAX; 6])));
    }
    generated.extend(UNKNOWN_TOKENS.map(|token| SyscallData::new(token, 0, [0; 6])));
    for data in generated.iter_mut().filter(|data| has_narrow_registers(data.arch)) {
        data.args = data.args.map(|word| word & 0xffff_ffff);
    }
    generated
}

/// Whether the registers of an ABI have 32 bits, so that the high halves of its arguments are always zero: not those of x32
/// (`__AUDIT_ARCH_64BIT`, include/uapi/linux/audit.h).
pub(super) fn has_narrow_registers(token: u32) -> bool {
    token & 0x8000_0000 == 0
}

/// The edges of the ABIs' numbers, numbers that no table has, and -1.
const NUMBERS: &[u32] = &[
    0,
    1,
    511,
    1023,
    0xffff,
    X32_BIT - 1,
    X32_BIT,
    X32_BIT + 1,
    X32_BIT + 520,
    0x7fff_ffff,
    0x8000_0000,
    0xbfff_ffff,
    0xffff_fffe,
    0xffff_ffff,
];

/// Tokens that no ABI has.
const UNKNOWN_TOKENS: [u32; 3] = [0, 0x1234, 0xffff_ffff];
