use callgate_compiler::abi::Abi;
use callgate_compiler::lower::Groups;
use callgate_lint::{Document, Reading, lint, rules};
use callgate_profiles::engine::Engine;
use std::path::Path;
fn groups() -> Groups {
    let members = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    callgate_profiles::groups::groups()
        .iter()
        .map(|(&name, group)| (name.to_owned(), members(&group.members)))
        .collect()
}
fn walk(p: &Path, out: &mut Vec<std::path::PathBuf>) {
    if p.is_dir() {
        let mut v: Vec<_> = std::fs::read_dir(p).unwrap().map(|e| e.unwrap().path()).collect();
        v.sort();
        for q in v {
            walk(&q, out);
        }
    } else {
        out.push(p.to_owned());
    }
}
#[test]
fn corpus() {
    let mut files = Vec::new();
    walk(Path::new("/work/shared/corpus"), &mut files);
    walk(Path::new("/tmp/wt/rules-b/profiles/policies"), &mut files);
    let only = std::env::var("ONLY").unwrap_or_default();
    let fam = std::env::var("FAM").unwrap_or("FMT,RTM,NTF,BPF,STY".into());
    for engine in std::env::var("ENGINES").unwrap_or("document,docker,podman".into()).split(',') {
        for f in &files {
            if !f.display().to_string().contains(&only) {
                continue;
            }
            let Ok(text) = std::fs::read_to_string(f) else { continue };
            let mut r = Reading::default();
            r.engine = engine.parse::<Engine>().unwrap();
            if let Ok(from) = std::env::var("FROM") {
                r.from = Some(from.parse().unwrap());
            }
            if engine == "document" && std::env::var("X").is_ok() {
                r.abis = Some(vec![Abi::X86_64]);
            }
            let t = std::time::Instant::now();
            let d = Document::of_text(&f.display().to_string(), &text, &groups(), r);
            let sel: Vec<_> = rules().iter().filter(|r| fam.split(',').any(|f| r.id.starts_with(f))).collect();
            let found = lint(&d, &sel);
            let ms = t.elapsed().as_millis();
            println!(
                "{engine} {} form={} meaning={} {ms}ms",
                f.display(),
                match &d.form {
                    Some(callgate_lint::Form::Policy(_)) => "gate".to_string(),
                    Some(callgate_lint::Form::Profile(x, _)) => format!("{x}"),
                    Some(callgate_lint::Form::Text(x)) => format!("text {x}"),
                    Some(callgate_lint::Form::Filter(_)) => "filter".into(),
                    _ => "none".into(),
                },
                d.meaning.is_some()
            );
            for x in found {
                let s = x.labels[0].span;
                println!(
                    "   {} {:?} {} @{:?} `{}` {:?}",
                    x.rule.id,
                    x.severity,
                    x.message,
                    d.sources.line_column(s.source, s.start),
                    d.sources.snippet(s).chars().take(40).collect::<String>(),
                    x.notes
                );
            }
        }
    }
}
#[test]
fn raw() {
    use callgate_compiler::abi::Endian;
    for f in ["/tmp/rb_list.bpf", "/tmp/rb_tree.bpf"] {
        let bytes = std::fs::read(f).unwrap();
        let raw = callgate_profiles::import::bpf::from_raw(&bytes, Endian::Little).unwrap();
        let listing =
            callgate_compiler::bpf::disassemble(&raw.program, Endian::Little, &callgate_compiler::tables::name);
        let t = std::time::Instant::now();
        let d = Document::of_text(f, &listing, &groups(), Reading::default());
        println!("{f} read {:?} meaning {}", t.elapsed(), d.meaning.is_some());
        for r in rules().iter() {
            let t = std::time::Instant::now();
            let found = lint(&d, &[r]);
            if t.elapsed().as_millis() > 20 || !found.is_empty() {
                println!("  {} {:?} {}", r.id, t.elapsed(), found.len());
            }
            for x in found.iter().take(5) {
                let s = x.labels[0].span;
                println!(
                    "     {:?} {} @{:?} {:?} {:?}",
                    x.severity,
                    x.message,
                    d.sources.line_column(s.source, s.start),
                    d.sources.snippet(s).chars().take(60).collect::<String>(),
                    x.witness
                );
            }
        }
    }
}
