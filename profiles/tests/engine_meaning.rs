//! What callgate says that an engine makes of a profile is what it makes of it: the filter that runc or crun loads, read back,
//! is proven equal to the policy.
#![allow(clippy::unwrap_used)]

mod support;

use callgate_compiler::abi::{Abi, Endian};
use callgate_compiler::bpf::{Program, from_bytes};
use callgate_compiler::lower::target::DOCKER_CAPABILITIES;
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::policy::Policy;
use callgate_compiler::prove::{self, Budget, Filter, Relation, WordOrder};
use callgate_grammar::tree::Version;
use callgate_grammar::{Diagnostic, Sources, parse};
use callgate_profiles::engine::{Engine, Host, Libseccomp, read_as};
use callgate_profiles::import::{Document, Format};
use serde_json::{Value, json};
use support::container::{Container, NEEDED};

fn host() -> Host {
    Host {
        machine: Abi::X86_64,
        capabilities: DOCKER_CAPABILITIES.iter().copied().collect(),
        kernel: Version { major: 6, minor: 18 },
        libseccomp: Libseccomp::Debian12,
    }
}

/// The engine's reading as a policy, or what it refuses.
fn policy(engine: Engine, text: &str) -> Result<Policy, Vec<Diagnostic>> {
    let mut sources = Sources::default();
    let source = sources.add("profile", text);
    let document = Document { text, source, selector: None };
    let mut includes = |_: &str, _| panic!("nothing is included");
    let imported = read_as(engine, &host(), Format::Oci, &document, &mut includes);
    let gate = imported.gate().ok_or(imported.diagnostics)?;
    let source = sources.add("policy", gate.clone());
    let (file, diagnostics) = parse(source, &gate);
    assert!(diagnostics.is_empty(), "{gate}\n{diagnostics:#?}");
    let target = Target::new(vec![Abi::X86_64], host().kernel);
    let lowered = lower(&[Unit { source, file, layer: 1, scope: 1 }], &Groups::new(), &target);
    Ok(lowered.policy.unwrap_or_else(|| panic!("{gate}\n{:#?}", lowered.diagnostics)))
}

/// Numbers that belong to x32 here and to x86-64 in runc's stub, which looks at bit 30 alone; no kernel has calls there.
const WITHOUT_X32S_BIT: (u32, u32) = (0x8000_0000, 0xbfff_ffff);

fn differences(policy: &Policy, program: &Program) -> Vec<String> {
    let program = Filter::Program(program, WordOrder::Machine(Endian::Little));
    let found = prove::differences(Relation::Equal, Filter::Policy(policy), program, usize::MAX, Budget::default());
    let ranges = found.expect("an answer").ranges.into_iter();
    let known = |numbers: (u32, u32)| numbers.0 >= WITHOUT_X32S_BIT.0 && numbers.1 <= WITHOUT_X32S_BIT.1;
    ranges.filter(|found| !known(found.numbers)).map(|found| format!("{found:x?}")).collect()
}

/// Rules that don't let the runtime's own needs come in between, and the rest of the profile.
fn profile(parts: &Value, rules: &Value) -> Value {
    let mut profile = json!({"defaultAction": "SCMP_ACT_ERRNO"});
    for (key, value) in parts.as_object().unwrap() {
        profile[key] = value.clone();
    }
    let mut rules = rules.as_array().unwrap().clone();
    let permits = matches!(profile["defaultAction"].as_str(), Some("SCMP_ACT_ALLOW" | "SCMP_ACT_LOG"));
    if !permits {
        rules.push(json!({"names": NEEDED, "action": "SCMP_ACT_ALLOW"}));
    }
    profile["syscalls"] = rules.into();
    profile
}

fn argument(index: u8, op: &str, value: u64) -> Value {
    json!({"index": index, "op": format!("SCMP_CMP_{op}"), "value": value})
}

fn errno(names: &[&str], number: u16, args: &[Value]) -> Value {
    json!({"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": number, "args": args})
}

fn allow(names: &[&str], args: &[Value]) -> Value {
    json!({"names": names, "action": "SCMP_ACT_ALLOW", "args": args})
}

/// Profiles that say one thing and are enforced as another, by what is particular about them.
fn tricky() -> Vec<(&'static str, Value)> {
    let all = json!({"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]});
    let native = json!({"architectures": ["SCMP_ARCH_X86_64"]});
    let masked = |index: u8, mask: u64, value: u64| json!({"index": index, "op": "SCMP_CMP_MASKED_EQ", "value": mask, "valueTwo": value});
    vec![
        ("no-architectures", profile(&json!({}), &json!([]))),
        ("native-alone", profile(&native, &json!([]))),
        ("x86-alone", profile(&json!({"architectures": ["SCMP_ARCH_X86"]}), &json!([]))),
        ("x32-alone", profile(&json!({"architectures": ["SCMP_ARCH_X32"]}), &json!([]))),
        ("three-abis", profile(&all, &json!([]))),
        (
            "another-machine",
            profile(
                &json!({"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64", "SCMP_ARCH_PPC64LE"]}),
                &json!([]),
            ),
        ),
        (
            "mips",
            profile(
                &json!({"architectures": ["SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_MIPSEL"]}),
                &json!([]),
            ),
        ),
        ("kill-by-default", profile(&json!({"defaultAction": "SCMP_ACT_KILL_PROCESS"}), &json!([]))),
        ("kill-thread-by-default", profile(&json!({"defaultAction": "SCMP_ACT_KILL"}), &json!([]))),
        (
            "trap-by-default",
            profile(&json!({"defaultAction": "SCMP_ACT_TRAP", "architectures": ["SCMP_ARCH_X86_64"]}), &json!([])),
        ),
        ("trace-by-default", profile(&json!({"defaultAction": "SCMP_ACT_TRACE", "defaultErrnoRet": 7}), &json!([]))),
        ("log-by-default", profile(&json!({"defaultAction": "SCMP_ACT_LOG"}), &json!([errno(&["mkdir"], 1, &[])]))),
        (
            "allow-by-default",
            profile(&json!({"defaultAction": "SCMP_ACT_ALLOW"}), &json!([errno(&["mkdir"], 13, &[])])),
        ),
        (
            "enosys-by-default",
            profile(&json!({"defaultErrnoRet": 38, "architectures": ["SCMP_ARCH_X86_64"]}), &json!([])),
        ),
        ("unknown-names", profile(&all, &json!([allow(&["raed", "mseal", "getxattrat", "cachestat"], &[])]))),
        (
            "a-name-of-another-abi",
            profile(&native, &json!([allow(&["socketcall", "arm_fadvise64_64", "riscv_flush_icache"], &[])])),
        ),
        ("the-highest-does-nothing", profile(&native, &json!([errno(&["fchmodat2"], 1, &[])]))),
        ("two-plain-rules", profile(&all, &json!([errno(&["mkdir"], 13, &[]), errno(&["mkdir"], 22, &[])]))),
        (
            "plain-beats-specific",
            profile(&all, &json!([errno(&["mkdir"], 13, &[argument(1, "EQ", 2)]), errno(&["mkdir"], 22, &[])])),
        ),
        (
            "specific-after-plain",
            profile(&all, &json!([errno(&["mkdir"], 22, &[]), errno(&["mkdir"], 13, &[argument(1, "EQ", 2)])])),
        ),
        (
            "like-the-default",
            profile(&all, &json!([errno(&["mkdir"], 1, &[argument(1, "EQ", 2)]), allow(&["mkdir"], &[])])),
        ),
        (
            "the-same-argument-twice",
            profile(
                &native,
                &json!([allow(&["mkdir"], &[argument(1, "GE", 2), argument(1, "LE", 1), argument(0, "EQ", 7)])]),
            ),
        ),
        (
            "and-of-arguments",
            profile(&native, &json!([allow(&["mmap2", "mremap"], &[argument(0, "NE", 2), argument(3, "EQ", 5)])])),
        ),
        (
            "every-comparison",
            profile(
                &native,
                &json!([
                    allow(&["mkdir"], &[argument(0, "LT", 1 << 33 | 5)]),
                    allow(&["rmdir"], &[argument(0, "LE", 9)]),
                    allow(&["link"], &[argument(0, "GT", u64::MAX - 1)]),
                    allow(&["unlink"], &[argument(5, "GE", 1 << 63)]),
                    allow(&["chmod"], &[argument(2, "NE", 1 << 32)]),
                    allow(&["chown"], &[masked(1, 0xff00_0000_00ff, 0x1200_0000_0034)]),
                    allow(&["mknod"], &[masked(1, 0, 0)]),
                ]),
            ),
        ),
        (
            "wide-values-on-32-bits",
            profile(
                &all,
                &json!([
                    allow(&["mkdir"], &[argument(1, "EQ", 1 << 32 | 5)]),
                    allow(&["chmod"], &[masked(1, 0xff00_0000_00ff, 0x1200_0000_0034)]),
                    allow(&["mknod"], &[masked(1, 0xff << 40, 1 << 40)]),
                ]),
            ),
        ),
        (
            "socketcall",
            profile(
                &all,
                &json!([
                    allow(&["socket"], &[argument(0, "EQ", 1)]),
                    allow(&["bind", "sendmsg"], &[]),
                    errno(&["shutdown"], 13, &[argument(1, "EQ", 2)])
                ]),
            ),
        ),
        (
            "socketcall-of-its-own",
            profile(&all, &json!([allow(&["socket"], &[argument(0, "EQ", 1)]), errno(&["socketcall"], 38, &[])])),
        ),
        (
            "ipc",
            profile(
                &all,
                &json!([
                    allow(&["shmget", "semop", "msgrcv", "semtimedop"], &[]),
                    allow(&["semctl"], &[argument(2, "EQ", 3)])
                ]),
            ),
        ),
        (
            "several-alternatives",
            profile(
                &all,
                &json!([
                    allow(&["personality"], &[argument(0, "EQ", 0)]),
                    allow(&["personality"], &[argument(0, "EQ", 8)]),
                    allow(&["personality"], &[argument(0, "EQ", 0xffff_ffff)]),
                    errno(&["personality"], 13, &[argument(0, "EQ", 9)]),
                ]),
            ),
        ),
        (
            "the-same-rule-twice",
            profile(
                &native,
                &json!([allow(&["mkdir"], &[argument(1, "EQ", 2)]), allow(&["mkdir"], &[argument(1, "EQ", 2)])]),
            ),
        ),
        (
            "contradictory-rules",
            profile(
                &native,
                &json!([allow(&["mkdir"], &[argument(1, "EQ", 2)]), errno(&["mkdir"], 13, &[argument(1, "EQ", 2)])]),
            ),
        ),
        ("both-byte-orders", profile(&json!({"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_S390X"]}), &json!([]))),
        ("loongarch", profile(&json!({"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_LOONGARCH64"]}), &json!([]))),
        ("the-largest-errno", profile(&native, &json!([errno(&["mkdir"], 4095, &[])]))),
        ("an-errno-of-the-kernels-own", profile(&native, &json!([errno(&["mkdir"], 4094, &[])]))),
        ("a-larger-errno", profile(&native, &json!([errno(&["mkdir"], 12_345, &[])]))),
        ("a-larger-default", profile(&json!({"defaultErrnoRet": 4095}), &json!([]))),
        (
            "trace-with-a-number",
            profile(&native, &json!([{"names": ["mkdir"], "action": "SCMP_ACT_TRACE", "errnoRet": 0xffff}])),
        ),
        ("notify-by-default", profile(&json!({"defaultAction": "SCMP_ACT_NOTIFY"}), &json!([]))),
        ("nothing-at-all", json!({})),
    ]
}

/// What no filter comes to: `ret ALLOW`.
const LETS_ALL_THROUGH: &[u8] = &[6, 0, 0, 0, 0, 0, 0xff, 0x7f];

/// Whether the filter that a runtime loads for an OCI profile is what callgate reads; else what is wrong.
fn compare(containers: &Container, engine: Engine, name: &str, text: &str, oci: &Value) -> Result<(), String> {
    let runtime = if matches!(engine, Engine::Crun | Engine::Podman) { "crun" } else { "runc" };
    match (policy(engine, text), containers.filter(runtime, oci, name)) {
        (Ok(policy), Ok(bytes)) => {
            let bytes = if bytes.is_empty() { LETS_ALL_THROUGH } else { &bytes };
            let found = differences(&policy, &from_bytes(bytes, Endian::Little).unwrap());
            if found.is_empty() {
                Ok(())
            } else {
                Err(format!("{engine} {name}: {} ranges: {}", found.len(), found[0]))
            }
        }
        (Err(_), Err(_)) => Ok(()),
        (Ok(_), Err(said)) => Err(format!("{engine} {name}: refused: {said}")),
        (Err(found), Ok(_)) => Err(format!("{engine} {name}: not refused: {found:#?}")),
    }
}

#[test]
fn runtimes_enforce_what_callgate_reads() {
    let Some(containers) = Container::place("runtimes_enforce_what_callgate_reads") else { return };
    let mut wrong = Vec::new();
    for (name, profile) in tricky() {
        for engine in [Engine::Runc, Engine::Crun] {
            wrong.extend(compare(&containers, engine, name, &profile.to_string(), &profile).err());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a client on this machine makes of a file, by the documentation of `docker run --security-opt seccomp=` and of
/// containers-seccomp.json(5). Shares nothing with `engine::client`.
fn resolved(file: &Value, podman: bool) -> Value {
    let mut oci = json!({"defaultAction": file["defaultAction"]});
    let number = |object: &Value, name: &str, number: &str| {
        let named = if podman { object[name].as_str() } else { None };
        match named {
            Some(name) => json!(callgate_compiler::tables::errno(Abi::X86_64, name)),
            None => object[number].clone(),
        }
    };
    let default = number(file, "defaultErrno", "defaultErrnoRet");
    if !default.is_null() {
        oci["defaultErrnoRet"] = default;
    }
    oci["architectures"] = file["architectures"].clone();
    for machine in file["archMap"].as_array().into_iter().flatten() {
        if machine["architecture"] == "SCMP_ARCH_X86_64" {
            let others = machine["subArchitectures"].as_array().into_iter().flatten().cloned();
            oci["architectures"] = others.chain([json!("SCMP_ARCH_X86_64")]).collect();
        }
    }
    if oci["architectures"].is_null() {
        oci.as_object_mut().unwrap().remove("architectures");
    }
    let has = |list: &Value, wanted: &str| list.as_array().into_iter().flatten().any(|one| one == wanted);
    let held = |name: &Value| DOCKER_CAPABILITIES.iter().any(|held| format!("CAP_{held}") == *name);
    let mut rules = Vec::new();
    for rule in file["syscalls"].as_array().unwrap() {
        let (includes, excludes) = (&rule["includes"], &rule["excludes"]);
        let named = includes["arches"].as_array().is_none_or(Vec::is_empty) || has(&includes["arches"], "amd64");
        let all = includes["caps"].as_array().into_iter().flatten().all(held);
        let none = !excludes["caps"].as_array().into_iter().flatten().any(held);
        // Every kernel that runs this is newer than 4.8, the only one that files name.
        if named && all && none && !has(&excludes["arches"], "amd64") {
            let names = if rule["names"].is_null() { json!([rule["name"]]) } else { rule["names"].clone() };
            let mut kept = json!({"names": names, "action": rule["action"]});
            let errno = number(rule, "errno", "errnoRet");
            if !errno.is_null() {
                kept["errnoRet"] = errno;
            }
            if rule["args"].as_array().is_some_and(|args| !args.is_empty()) {
                kept["args"] = rule["args"].clone();
            }
            rules.push(kept);
        }
    }
    oci["syscalls"] = rules.into();
    oci
}

#[test]
fn clients_and_runtimes_enforce_what_callgate_reads_in_real_profiles() {
    let Some(folder) = std::env::var_os("CALLGATE_CORPUS") else {
        eprintln!("skipped: CALLGATE_CORPUS names no folder with the originals");
        return;
    };
    let name = "clients_and_runtimes_enforce_what_callgate_reads_in_real_profiles";
    let Some(containers) = Container::place(name) else { return };
    let files = [
        "oci/moby-default.json",
        "oci/moby-example.json",
        "oci/containers-common.json",
        "spo/bpf-recorder.json",
        "spo/security-profiles-operator.json",
    ];
    for file in files {
        let path = std::path::Path::new(&folder).join(file);
        let mut profile: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        // Not every one is for the runtimes of this machine. Last, so that it changes as little as can be.
        profile["syscalls"].as_array_mut().unwrap().push(json!({"names": NEEDED, "action": "SCMP_ACT_ALLOW"}));
        for engine in [Engine::Runc, Engine::Crun, Engine::Docker, Engine::Podman] {
            let oci = resolved(&profile, engine == Engine::Podman);
            let short = file.rsplit('/').next().unwrap();
            compare(&containers, engine, short, &profile.to_string(), &oci).unwrap_or_else(|wrong| panic!("{wrong}"));
            let refused = policy(engine, &profile.to_string()).is_err();
            // One example of moby's has an errno that libseccomp refuses.
            assert_eq!(refused, short == "moby-example.json", "{engine} {short}");
        }
    }
}

#[test]
fn libseccomp_has_the_names_and_numbers_that_callgate_says() {
    const ABIS: &[(Abi, &str)] = &[
        (Abi::X86_64, "x86_64"),
        (Abi::X86, "x86"),
        (Abi::X32, "x32"),
        (Abi::Aarch64, "aarch64"),
        (Abi::Arm, "arm"),
        (Abi::Riscv64, "riscv64"),
        (Abi::S390x, "s390x"),
        (Abi::Ppc64le, "ppc64le"),
        (Abi::Mipsn32, "mips64n32"),
    ];
    let resolve = |abi: &str, name: &str| {
        let output = std::process::Command::new("scmp_sys_resolver").args(["-a", abi, name]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse::<i64>().ok()
    };
    // The numbers are those of one version.
    if (resolve("x86_64", "cachestat"), resolve("x86_64", "mseal")) != (Some(451), Some(-1)) {
        eprintln!("skipped: no scmp_sys_resolver of Debian 12");
        return;
    }
    for name in callgate_compiler::tables::names() {
        for &(abi, theirs) in ABIS {
            let own = Libseccomp::Debian12.number(abi, name);
            match resolve(theirs, name) {
                Some(-1) => assert!(!Libseccomp::Debian12.knows(name), "{name} on {abi}"),
                Some(number @ 0..) => assert_eq!(own, u32::try_from(number).ok(), "{name} on {abi}"),
                // A call of another ABI, or one that also goes through a multiplexer.
                _ => {
                    let multiplexed = callgate_compiler::tables::part_of(abi, name).is_some();
                    assert!(multiplexed || own.is_none(), "{name} on {abi}");
                }
            }
        }
    }
}
