//! What callgate makes of a program's runs, and where each call in it comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use callgate_compiler::abi::Abi;
use callgate_profiles::Runtime;
use callgate_profiles::derive::{DeriveOptions, SiblingCalls, Target, derive_from};
use callgate_profiles::recording::Recording;
use callgate_profiles::tally::Tally;

use crate::support::{callgate, told};

const ABI: Abi = Abi::X86_64;

/// A derived policy, taken apart.
pub(crate) struct Derived {
    /// The file.
    pub(crate) gate: PathBuf,
    /// The same for a container that runc starts.
    pub(crate) gate_for_runc: PathBuf,
    /// How many runs it was made of.
    pub(crate) runs: u64,
    /// The calls that it allows, with whatever arguments, and why: the first line of the comment above them.
    pub(crate) allowed: BTreeMap<String, String>,
    /// Those of them that were seen, the least called first.
    pub(crate) recorded: Vec<String>,
    /// Those of them that libraries may take instead of what was seen.
    pub(crate) siblings: BTreeSet<String>,
    /// Calls that it answers with ENOSYS.
    pub(crate) probes: usize,
    /// Calls that are allowed besides where runc starts the program.
    pub(crate) of_runc: BTreeSet<String>,
}

impl Derived {
    /// As `callgate derive RECORDING… -o POLICY` makes it.
    pub(crate) fn of(recordings: &[PathBuf], folder: &Path) -> Self {
        let (gate, gate_for_runc) = (folder.join("derived.gate"), folder.join("runc.gate"));
        for (file, options) in [(&gate, &[][..]), (&gate_for_runc, &["--runtime", "runc"])] {
            let output = callgate().arg("derive").args(recordings).args(options).arg("-o").arg(file).output();
            let output = output.expect("callgate runs");
            assert!(output.status.success(), "{}", told(&output));
        }
        let tally = tally(recordings);
        let default = DeriveOptions::default();
        let whole = derive_from(&tally, &default).expect("it was derived");
        assert_eq!(
            fs::read_to_string(&gate).expect("a policy"),
            whole.gate,
            "the command's own options are the default"
        );
        let names = |options: &DeriveOptions| -> BTreeSet<String> {
            let derived = derive_from(&tally, options).expect("it was derived");
            allowing(&derived.targets).map(|target| target.call.clone()).collect()
        };
        let own = names(&default);
        let alone = names(&DeriveOptions { siblings: SiblingCalls::None, ..default });
        let with_runc = names(&DeriveOptions { runtime: Some(Runtime::Runc), ..default });
        let mut allowed = BTreeMap::new();
        for target in allowing(&whole.targets) {
            let reason = target.reason.first().cloned().unwrap_or_default();
            allowed.entry(target.call.clone()).or_insert(reason);
        }
        let seen = tally.calls.iter().filter(|((abi, _), _)| *abi == ABI);
        let mut recorded: Vec<_> = seen.filter_map(|(_, seen)| Some((seen.calls, seen.name?))).collect();
        recorded.sort_unstable();
        Self {
            gate,
            gate_for_runc,
            runs: tally.runs(),
            allowed,
            recorded: recorded.into_iter().map(|(_, name)| name.to_owned()).collect(),
            siblings: own.difference(&alone).cloned().collect(),
            probes: whole.targets.iter().filter(|target| target.abi == ABI && target.verb != "allow").count(),
            of_runc: with_runc.difference(&own).cloned().collect(),
        }
    }

    /// The calls that were not seen.
    pub(crate) fn added(&self) -> Vec<&str> {
        let recorded: BTreeSet<&str> = self.recorded.iter().map(String::as_str).collect();
        self.allowed.keys().map(String::as_str).filter(|name| !recorded.contains(name)).collect()
    }
}

/// The names that a recording has.
pub(crate) fn seen_in(recording: &Path) -> BTreeSet<u32> {
    tally(&[recording.to_path_buf()]).calls.keys().map(|&(_, nr)| nr).collect()
}

fn tally(recordings: &[PathBuf]) -> Tally {
    let mut tally = Tally::default();
    for path in recordings {
        let recording = Recording::from_json(&fs::read_to_string(path).expect("a recording")).expect("a recording");
        recording.runs.values().for_each(|run| tally.add(run).expect("ids differ"));
    }
    tally
}

fn allowing(targets: &[Target]) -> impl Iterator<Item = &Target> {
    targets.iter().filter(|target| target.abi == ABI && target.verb == "allow")
}
