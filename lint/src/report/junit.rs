//! The XML of `JUnit`: a suite a file, a failed case a finding that counts; a file without any is one passed case.

use std::io;

use callgate_grammar::Label;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{Places, in_full, level};
use crate::checked::Checked;

/// What a case shows.
struct Case<'a> {
    name: String,
    level: &'static str,
    message: &'a str,
    text: String,
    labels: &'a [Label],
}

/// The report.
///
/// # Errors
/// None: it is written to memory.
pub fn junit(files: &[Checked]) -> io::Result<String> {
    let cases: Vec<Vec<Case<'_>>> = files.iter().map(cases).collect();
    let failures = cases.iter().map(Vec::len).sum::<usize>();
    let tests = cases.iter().map(|cases| cases.len().max(1)).sum::<usize>();
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer
        .create_element("testsuites")
        .with_attributes([
            ("name", "callgate lint"),
            ("tests", tests.to_string().as_str()),
            ("failures", failures.to_string().as_str()),
        ])
        .write_inner_content(|writer| {
            files.iter().zip(&cases).try_for_each(|(file, cases)| suite(writer, file, cases))
        })?;
    let mut text = String::from_utf8(writer.into_inner()).map_err(io::Error::other)?;
    text.push('\n');
    Ok(text)
}

fn cases(file: &Checked) -> Vec<Case<'_>> {
    let findings = file.findings.iter().filter(|one| one.counts()).map(|one| Case {
        name: format!("{} {}", one.finding.rule.id, one.finding.rule.name),
        level: level(one.finding.severity),
        message: &one.finding.message,
        text: in_full(&one.finding),
        labels: &one.finding.labels,
    });
    let errors = file.not_understood.iter().map(|error| Case {
        name: error.code.to_owned(),
        level: level(error.severity),
        message: &error.message,
        text: error.help.clone().unwrap_or_default(),
        labels: &error.labels,
    });
    findings.chain(errors).collect()
}

fn suite(writer: &mut Writer<Vec<u8>>, file: &Checked, cases: &[Case<'_>]) -> io::Result<()> {
    let places = Places::new(file);
    let (tests, failures) = (cases.len().max(1).to_string(), cases.len().to_string());
    let name = clean(&file.name);
    let attributes = [("name", name.as_str()), ("tests", &tests), ("failures", &failures)];
    writer.create_element("testsuite").with_attributes(attributes).write_inner_content(|writer| {
        if cases.is_empty() {
            let attributes = [("classname", name.as_str()), ("name", "callgate lint")];
            writer.create_element("testcase").with_attributes(attributes).write_empty()?;
        }
        for case in cases {
            let place = case.labels.first().and_then(|label| places.of(label.span));
            let at =
                place.map_or_else(|| name.clone(), |place| format!("{}:{}:{}", place.file, place.line, place.column));
            let attributes = [("classname", name.as_str()), ("name", &case.name)];
            writer.create_element("testcase").with_attributes(attributes).write_inner_content(|writer| {
                let message = clean(case.message);
                writer
                    .create_element("failure")
                    .with_attributes([("type", case.level), ("message", message.as_str())])
                    .write_text_content(BytesText::new(&clean(&format!("{at}\n{}", case.text))))?;
                Ok(())
            })?;
        }
        Ok(())
    })?;
    Ok(())
}

/// Without the control characters that XML 1.0 can't say.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t' | '\r') { '\u{fffd}' } else { c }).collect()
}
