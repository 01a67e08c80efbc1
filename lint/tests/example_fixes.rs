//! The fixes of every rule's examples: the edited file is read again, the rule finds nothing there any more, and a fix that is
//! called safe changes nothing that the profile does.

mod support;

use callgate_compiler::abi::Abi;
use callgate_compiler::lower::target::capability;
use callgate_compiler::prove::{Budget, Filter, Relation, Verdict, prove};
use callgate_grammar::tree::Version;
use callgate_lint::{Document, Edit, Example, Reading, Safety, lint, rules};

fn read(example: &Example, text: &str) -> Document {
    let mut reading = Reading::default();
    if example.format() != "gate" {
        reading.from = example.format().parse().ok();
    }
    if let Some(arch) = example.option("arch") {
        reading.abis = Some(arch.split(',').map(|name| name.parse::<Abi>().expect("an ABI")).collect());
    }
    if let Some(caps) = example.option("cap") {
        reading.host.capabilities = caps.split(',').filter_map(capability).collect();
    }
    if let Some((major, minor)) = example.option("kernel").and_then(|kernel| kernel.split_once('.')) {
        reading.host.kernel = Version { major: major.parse().expect("major"), minor: minor.parse().expect("minor") };
    }
    if let Some(engine) = example.option("engine") {
        reading.engine = engine.parse().expect("an engine");
    }
    Document::of_text("example", text, &support::groups(), reading)
}

fn edited(text: &str, edits: &[Edit]) -> String {
    let mut made = text.to_owned();
    let mut last = u32::MAX;
    for edit in edits.iter().rev() {
        assert!(edit.span.start <= edit.span.end && edit.span.end <= last, "edits are in order and apart: {edits:?}");
        last = edit.span.start;
        made.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.text);
    }
    made
}

#[test]
fn a_fixed_example_is_fixed() {
    let mut fixed = 0;
    for rule in rules() {
        for example in rule.page().examples("Example") {
            let document = read(&example, &example.text);
            for finding in lint(&document, &[rule]) {
                for fix in &finding.fixes {
                    let text = edited(&example.text, &fix.edits);
                    let after = read(&example, &text);
                    let left: Vec<_> =
                        lint(&after, &[rule]).into_iter().filter(|one| one.message == finding.message).collect();
                    assert!(left.is_empty(), "{}: {} doesn't help:\n{text}\n{left:#?}", rule.id, fix.title);
                    fixed += 1;
                    let (Some(before), Some(after)) = (&document.meaning, &after.meaning) else { continue };
                    if fix.safety == Safety::Safe {
                        let sides = [&before.policy, &after.policy].map(Filter::Policy);
                        let verdict = prove(Relation::Equal, sides[0], sides[1], Budget::default());
                        assert_eq!(verdict, Verdict::Holds, "{}: {}", rule.id, fix.title);
                    }
                }
            }
        }
    }
    assert!(fixed > 4, "{fixed} fixes");
}
