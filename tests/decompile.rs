//! Filters of real policies, made by callgate and by libseccomp, read back.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::{callgate, root, told};

#[track_caller]
fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = callgate().args(arguments).current_dir(folder).output().expect("callgate runs");
    assert!(output.status.success(), "{arguments:?}\n{}", told(&output));
    String::from_utf8(output.stdout).expect("text")
}

fn policies(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            policies(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "gate") {
            found.push(path);
        }
    }
}

/// Lines that say something.
fn lines(text: &str) -> usize {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("expect"))
        .count()
}

#[test]
fn compiled_policies_of_real_projects_come_back() {
    let folder = TempDir::new().expect("a folder");
    let here = folder.path();
    let mut found = vec![root().join("profiles/policies/docker-default.gate")];
    policies(&root().join("tests/corpus"), &mut found);
    assert!(found.len() > 10, "{found:?}");
    for file in found {
        let name = file.to_str().expect("text");
        let compiled = callgate().args(["compile", name, "--to", "bpf", "-o", "x.bpf"]).current_dir(here).output();
        let compiled = compiled.expect("callgate runs");
        if String::from_utf8_lossy(&compiled.stderr).contains("error[no-default]") {
            // For others to use; no policy by itself.
            continue;
        }
        assert!(compiled.status.success(), "{}", told(&compiled));
        let back = run(here, &["compile", "x.bpf", "--to", "gate"]);
        fs::write(here.join("back.gate"), &back).expect("a file");
        assert_eq!(run(here, &["diff", "x.bpf", "back.gate"]), "the same\n", "{name}");
        run(here, &["compile", "back.gate", "--to", "bpf", "-o", "back.bpf"]);
        assert_eq!(run(here, &["diff", "x.bpf", "back.bpf"]), "the same\n", "{name}");
        let original = fs::read_to_string(&file).expect("the policy");
        if !original.contains("use:") {
            // Every call by its name takes more lines than groups do; the rest is told as briefly.
            let (told, written) = (lines(&back), lines(&original));
            assert!(told <= written + written / 2 + 12, "{name}: {told} lines for {written}\n{back}");
        }
    }
}

#[cfg(feature = "libseccomp")]
mod by_libseccomp {
    use std::io::{Read, Seek};

    use callgate_compiler::abi::{Abi, Endian};
    use callgate_compiler::bpf::{Program, from_bytes};
    use callgate_compiler::tables;
    use callgate_grammar::Sources;
    use callgate_profiles::import::bpf::from_program;
    use libseccomp::{ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};

    /// A list like Docker's, by a number of architectures, as chains of comparisons (1) or as a search tree (2).
    fn filter(arches: &[ScmpArch], optimize: u32) -> Program {
        let mut filter = ScmpFilterContext::new(ScmpAction::Errno(1)).expect("a filter");
        filter.remove_arch(ScmpArch::Native).expect("there is one");
        for &arch in arches {
            filter.add_arch(arch).expect("an architecture");
        }
        filter.set_ctl_optimize(optimize).expect("libseccomp 2.5");
        let same = |arg, value| ScmpArgCompare::new(arg, ScmpCompareOp::Equal, value);
        let masked = |arg, mask, value| ScmpArgCompare::new(arg, ScmpCompareOp::MaskedEqual(mask), value);
        let call = |name: &str| ScmpSyscall::from_name(name).expect("a call");
        const CONDITIONAL: [&str; 4] = ["fcntl", "ioctl", "mmap", "socket"];
        let names = tables::calls(Abi::X86_64).map(|(_, name)| name).filter(|name| name.len() % 3 != 0);
        for call in
            names.filter(|name| !CONDITIONAL.contains(name)).filter_map(|name| ScmpSyscall::from_name(name).ok())
        {
            filter.add_rule(ScmpAction::Allow, call).expect("a rule");
        }
        for value in [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff] {
            filter.add_rule_conditional(ScmpAction::Allow, call("fcntl"), &[same(1, value)]).expect("a rule");
        }
        filter
            .add_rule_conditional(ScmpAction::Allow, call("socket"), &[same(0, 1), masked(1, 0xf, 1)])
            .expect("a rule");
        filter.add_rule_conditional(ScmpAction::Allow, call("socket"), &[same(0, 2)]).expect("a rule");
        filter.add_rule_conditional(ScmpAction::Log, call("mmap"), &[masked(2, 4, 0)]).expect("a rule");
        filter.add_rule_conditional(ScmpAction::Errno(38), call("ioctl"), &[same(1, 0x5412)]).expect("a rule");
        let mut file = tempfile::tempfile().expect("a file");
        filter.export_bpf(&file).expect("a program");
        let mut bytes = Vec::new();
        file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("its bytes");
        from_bytes(&bytes, Endian::Little).expect("whole instructions")
    }

    /// The text of a program, which [`from_program`] has proven.
    fn read(program: &Program) -> String {
        let source = Sources::default().add("filter", "");
        let imported = from_program(program, Endian::Little, &[], source);
        assert!(imported.diagnostics.is_empty(), "{:#?}", imported.diagnostics);
        imported.gate().expect("a policy")
    }

    #[test]
    fn chains_and_trees_are_the_same_policy() {
        for arches in [
            &[ScmpArch::X8664][..],
            &[ScmpArch::X8664, ScmpArch::X86, ScmpArch::X32],
            &[ScmpArch::Aarch64, ScmpArch::Arm],
        ] {
            let (chain, tree) = (filter(arches, 1), filter(arches, 2));
            assert_ne!(chain.instructions, tree.instructions);
            let text = read(&chain);
            assert_eq!(text, read(&tree));
            assert!(text.contains("AF_UNIX") && text.contains("PROT_EXEC"), "{text}");
        }
    }
}
