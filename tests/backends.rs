//! `compile --backend`: other compilers' filters are written when they are proven equal to the policy, and only then.

use callgate_compiler::bpf::admit;
use callgate_compiler::prove::{Budget, Verdict, policy_equals_program};
use tempfile::TempDir;

use crate::backend;
use crate::engines::cases;
use crate::support::{callgate, told};

/// Exit status, standard output and standard error of `compile` with these statements.
fn compile(folder: &TempDir, statements: &[&str], arguments: &[&str]) -> (i32, Vec<u8>, String) {
    let statements = statements.iter().flat_map(|statement| ["-e", statement]);
    let mut command = callgate();
    command.arg("compile").args(statements).args(["--arch", "x86_64"]).args(arguments).current_dir(folder.path());
    let output = command.output().expect("callgate runs");
    let status = output.status.code().unwrap_or_else(|| panic!("{}", told(&output)));
    (status, output.stdout, String::from_utf8(output.stderr).expect("text"))
}

const SMALL: &[&str] = &["deny: all", "allow: read, socket(family in {AF_UNIX, AF_INET}, type & 0xf != SOCK_RAW)"];

#[test]
fn seccompiler_s_filter_is_handed_out_when_it_is_the_policy() {
    let folder = TempDir::new().expect("a folder");
    let guarded = [SMALL, &["deny: arch x32"]].concat();
    for (backend, name) in [("seccompiler", "theirs.bpf"), ("callgate", "ours.bpf")] {
        let (status, _, said) = compile(&folder, &guarded, &["--backend", backend, "--to", "bpf", "-o", name]);
        assert_eq!(status, 0, "{said}");
    }
    let bytes = |name| std::fs::read(folder.path().join(name)).expect("a filter");
    assert_ne!(bytes("theirs.bpf"), bytes("ours.bpf"));
    let mut diff = callgate();
    let output = diff.args(["diff", "theirs.bpf", "ours.bpf"]).current_dir(folder.path()).output().expect("it runs");
    assert!(output.status.success(), "{}", told(&output));
    for format in ["asm", "c"] {
        let (status, text, said) = compile(&folder, &guarded, &["--backend", "seccompiler", "--to", format]);
        assert!(status == 0 && !text.is_empty(), "{said}");
    }
}

#[test]
fn a_filter_that_is_not_the_policy_is_an_error_with_a_call() {
    let folder = TempDir::new().expect("a folder");
    // Its filter doesn't tell x32 numbers from x86-64's.
    let (status, bytes, said) = compile(&folder, SMALL, &["--backend", "seccompiler", "--to", "bpf"]);
    assert_eq!((status, bytes.len()), (2, 0));
    assert!(said.contains("read(0x0, 0x0, 0x0) on x32 is kill by the policy and errno(EPERM) by the filter"), "{said}");
    assert!(said.contains("`errno(EPERM): arch x32`"), "{said}");
    let three = [SMALL, &["log: write"]].concat();
    let (status, _, said) = compile(&folder, &three, &["--backend", "seccompiler", "--to", "bpf"]);
    assert_eq!(status, 2);
    assert!(said.contains("three actions"), "{said}");
    let (status, _, said) = compile(&folder, SMALL, &["--backend", "seccompiler", "--to", "docker"]);
    assert_eq!(status, 2);
    assert!(said.contains("--to bpf, asm or c"), "{said}");
}

#[cfg(not(feature = "libseccomp"))]
#[test]
fn without_libseccomp_it_says_how_to_have_it() {
    let folder = TempDir::new().expect("a folder");
    let (status, _, said) = compile(&folder, SMALL, &["--backend", "libseccomp", "--to", "bpf"]);
    assert_eq!(status, 2);
    assert!(said.contains("--features libseccomp"), "{said}");
}

#[cfg(feature = "libseccomp")]
#[test]
fn libseccomp_s_filter_is_handed_out_when_it_is_the_policy() {
    let folder = TempDir::new().expect("a folder");
    let (status, bytes, said) = compile(&folder, SMALL, &["--backend", "libseccomp", "--to", "bpf"]);
    assert_eq!(status, 0, "{said}");
    assert_ne!(bytes.len(), 0);
    // A number without a name is not in its words.
    let (status, bytes, said) =
        compile(&folder, &[SMALL, &["allow: 5000"]].concat(), &["--backend", "libseccomp", "--to", "bpf"]);
    assert_eq!((status, bytes.len()), (2, 0));
    assert!(said.contains("5000"), "{said}");
}

/// On every policy of the truth tables: a program of a backend is one that the kernel admits, and the prover knows it from the
/// policy or shows a call.
#[test]
fn what_backends_make_of_the_tables_is_decided() {
    let (mut equal, mut different) = (0, 0);
    for case in cases() {
        let mut made = vec![backend::by_seccompiler::of_policy(&case.policy)];
        #[cfg(feature = "libseccomp")]
        made.push(backend::by_libseccomp::program(&case.policy));
        for program in made.drain(..).flatten() {
            admit(&program).expect("an admitted program");
            match policy_equals_program(&case.policy, &program, Budget::default()) {
                Verdict::Holds => equal += 1,
                Verdict::Fails(witness) => {
                    assert_eq!(case.policy.decide(&witness.data).action, witness.left, "{}", case.file);
                    different += 1;
                }
                Verdict::Undecided(reason) => panic!("{}: {reason}", case.file),
            }
        }
    }
    assert!(equal + different > 0);
    eprintln!("{equal} equal, {different} shown to be different");
}
