//! callgate beside libseccomp and seccompiler on real policies, in one run: sizes, executed instructions, what the kernel
//! caches, time to compile, and what the running kernel takes for calls and for loading.
//!
//! `CALLGATE_CORPUS=… cargo bench --features libseccomp --bench compilers`; without a corpus the shipped policies.
//! `-- --write` also writes docs/benchmarks.md; `-- --test` does a little of everything once.
//!
//! Every program is held to the policy by the prover before it is measured. One that isn't equal is marked, and counts for no
//! comparison; a policy that a compiler has no words for has no figures.
#![forbid(unsafe_code)]

#[path = "../../src/backend/by_seccompiler.rs"]
#[allow(dead_code)]
mod by_seccompiler;
#[path = "../../src/backend/disjunction.rs"]
#[allow(dead_code, unused_imports)]
mod disjunction;
#[cfg(feature = "libseccomp")]
mod libseccomp;
mod live;
#[path = "../policies/mod.rs"]
#[allow(dead_code)]
mod policies;
mod programs;
mod tables;

use std::fs;
use std::path::Path;

use callgate_compiler::abi::Abi;

use policies::{Named, all_of_corpus, corpus, mix, of_corpus, shipped};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let smoke = has("--test");
    let corpus = corpus();
    let one = &[Abi::X86_64];
    let three = &[Abi::X86_64, Abi::X86, Abi::X32];
    let (mut named, dockers, blend) = match &corpus {
        Some(corpus) => (all_of_corpus(corpus, one), of_corpus(corpus, "docker", three), Some(mix(corpus, "blend"))),
        None => {
            eprintln!("CALLGATE_CORPUS names no folder: measuring the shipped policies");
            let docker = |policy: Named| (policy.name == "docker-default").then_some(policy.policy);
            (shipped(one), shipped(three).into_iter().find_map(docker), None)
        }
    };
    if smoke {
        named.truncate(3);
    }
    named.extend(dockers.map(|policy| Named { name: "docker, three ABIs".to_owned(), policy }));
    let rows: Vec<_> =
        named.iter().map(|named| programs::row(named, blend.as_ref(), if smoke { 1 } else { 10 })).collect();
    let mut page = tables::page(&rows);
    page.push_str(&live::page(&rows, smoke));
    print!("{page}");
    if has("--write") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/benchmarks.md");
        fs::create_dir_all(path.parent().expect("a folder")).expect("docs");
        fs::write(&path, page).expect("docs/benchmarks.md");
    }
}
