//! `compile --stats`.

use serde_json::Value;

use crate::support::{callgate, told};

const POLICY: [&str; 8] = [
    "-e",
    "arch: x86_64, x32",
    "-e",
    "deny: all",
    "-e",
    "allow: read, write, socket(family == AF_UNIX)",
    "-e",
    "errno(ENOSYS): clone3",
];

fn compile(more: &[&str]) -> (String, String) {
    let output = callgate().arg("compile").args(POLICY).args(more).output().expect("callgate runs");
    assert!(output.status.success(), "{}", told(&output));
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (text(output.stdout), text(output.stderr))
}

#[test]
fn figures_go_where_the_file_does_not() {
    let (file, figures) = compile(&["--stats"]);
    assert!(file.contains("defaultAction"), "{file}");
    let figures: Value = serde_json::from_str(figures.lines().last().expect("a line")).expect("JSON");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("out.json");
    let (again, _) = compile(&["--stats", "-o", path.to_str().expect("a path")]);
    assert_eq!(serde_json::from_str::<Value>(&again).expect("JSON"), figures);
    assert_eq!(std::fs::read_to_string(path).expect("a file"), file);
}

#[test]
fn what_the_kernel_caches_and_why_not_the_rest() {
    let (said, _) = compile(&["--stats", "--kernel", "6.12", "-o", "/dev/null"]);
    let figures: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(figures["cached"], 2, "{said}");
    assert_eq!(figures["proof"], "equal");
    assert_eq!(figures["worst_exact"], true);
    let of = |abi: usize, call: &str| {
        let calls = figures["abis"][abi]["uncached"].as_array().expect("calls");
        let found = calls.iter().find(|one| one["call"] == call).expect("the call");
        found["because"].as_str().expect("a reason").to_owned()
    };
    assert_eq!(of(0, "socket"), "argument 0 (family) decides");
    assert_eq!(of(0, "clone3"), "ends in errno(ENOSYS); only allow is cached");
    assert_eq!(of(0, "mount"), "ends in errno(EPERM); only allow is cached");
    assert_eq!(of(1, "read"), "the kernel caches nothing for this ABI");
    assert_eq!(figures["abis"][1]["cached"], 0);
}

#[test]
fn before_5_11_nothing_is_cached() {
    let (said, _) = compile(&["--stats=human", "--kernel", "5.10", "-o", "/dev/null"]);
    assert!(said.contains("Linux 5.10 lets 0 of"), "{said}");
    assert!(said.contains("kernels before 5.11 cache nothing"), "{said}");
    assert!(said.contains("proven equal to the policy"), "{said}");
}
