//! What files that start containers say about their filters.

use callgate_compiler::lower::Groups;
use callgate_grammar::{Severity, SourceId};
use callgate_lint::{Document, Form, Profiled, Reading, Workload, lint, rule};

fn read(text: &str) -> Option<Workload> {
    Workload::read(text, SourceId::default()).map(|read| read.expect("YAML"))
}

/// The names of the containers and what is said about each.
fn said(text: &str) -> Vec<(String, String)> {
    let workload = read(text).unwrap_or_else(|| panic!("no workload:\n{text}"));
    let of = |profile: &Profiled| match profile {
        Profiled::Unsaid => "nothing".to_owned(),
        Profiled::Unconfined(_) => "none".to_owned(),
        Profiled::RuntimeDefault(_) => "default".to_owned(),
        Profiled::File(file) => file.path.clone(),
        Profiled::Nameless(_) => "nameless".to_owned(),
        Profiled::Unknown(what, _) => format!("unknown {what}"),
    };
    workload.containers.iter().map(|container| (container.name.clone(), of(&container.profile))).collect()
}

#[track_caller]
fn check(text: &str, expected: &[(&str, &str)]) {
    let found = said(text);
    let found: Vec<_> = found.iter().map(|(name, what)| (name.as_str(), what.as_str())).collect();
    assert_eq!(found, expected, "{text}");
}

/// The findings' severities and the text at each.
fn found(text: &str) -> Vec<(Severity, String)> {
    let document = Document::of_text("file", text, &Groups::new(), Reading::default());
    let unconfined = rule("RTM012").expect("it is there");
    let findings = lint(&document, &[unconfined]);
    findings
        .iter()
        .map(|finding| (finding.severity, document.sources.snippet(finding.labels[0].span).to_owned()))
        .collect()
}

#[test]
fn a_containers_own_profile_comes_before_its_pods() {
    check(
        "apiVersion: v1\nkind: Pod\nspec:\n  securityContext: {seccompProfile: {type: RuntimeDefault}}\n  initContainers:\n  \
         - name: first\n  containers:\n  - name: own\n    securityContext:\n      seccompProfile:\n        type: Localhost\n        \
         localhostProfile: own.json\n  - name: empty\n    securityContext:\n      seccompProfile: {type: Localhost, \
         localhostProfile: \"\"}\n  - name: typo\n    securityContext: {seccompProfile: {type: Default}}\n",
        &[("first", "default"), ("own", "own.json"), ("empty", "nameless"), ("typo", "unknown Default")],
    );
}

#[test]
fn every_kind_with_a_pod_in_it_is_read() {
    let spec = "{containers: [{name: web}]}";
    for kind in ["DaemonSet", "Deployment", "Job", "ReplicaSet", "ReplicationController", "StatefulSet"] {
        check(
            &format!("kind: {kind}\napiVersion: apps/v1\nspec: {{template: {{spec: {spec}}}}}\n"),
            &[("web", "nothing")],
        );
    }
    check(&format!("kind: PodTemplate\napiVersion: v1\ntemplate: {{spec: {spec}}}\n"), &[("web", "nothing")]);
    let cron =
        format!("apiVersion: batch/v1\nkind: CronJob\nspec: {{jobTemplate: {{spec: {{template: {{spec: {spec}}}}}}}}}");
    check(&cron, &[("web", "nothing")]);
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {{apiVersion: v1, kind: Pod, spec: {spec}}}\n- {{kind: Service, apiVersion: v1}}\n"
    );
    check(&list, &[("web", "nothing")]);
    check(
        "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"spec\": {\"containers\": [{\"name\": \"json\"}]}}",
        &[("json", "nothing")],
    );
    check("apiVersion: v1\nkind: Pod\nspec: {os: {name: windows}, containers: [{name: web}]}\n", &[]);
    check(
        "kind: Service\napiVersion: v1\n---\nkind: Pod\napiVersion: v1\nspec: {containers: [{name: second}]}\n",
        &[("second", "nothing")],
    );
}

#[test]
fn services_of_compose_are_read_with_what_is_merged_into_them() {
    check(
        "x-safe: &safe\n  security_opt: [\"no-new-privileges:true\", \"seccomp=./web.json\"]\nservices:\n  web: {image: nginx, <<: \
         *safe}\n  other:\n    build: .\n  last:\n    image: x\n    security_opt: [\"seccomp=a.json\", \"seccomp:unconfined\"]\n  \
         builtin: {image: y, security_opt: [seccomp=builtin]}\n",
        &[("web", "./web.json"), ("other", "nothing"), ("last", "none"), ("builtin", "default")],
    );
}

#[test]
fn other_texts_are_no_workloads() {
    for text in [
        "kind: Service\napiVersion: v1\n",
        "services: [a, b]\n",
        "services: {web: {host: x}}\n",
        "deny: all\n# kind: none\nallow: read\n",
        "kind: {{ .Values.kind }}\nspec: [\n",
        "apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: SeccompProfile\nspec: {defaultAction: SCMP_ACT_LOG}\n",
        "",
    ] {
        assert!(read(text).is_none(), "{text}");
    }
}

#[test]
fn anchors_can_t_take_the_memory() {
    let mut text = "apiVersion: v1\nkind: Pod\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    let error = Workload::read(&text, SourceId::default()).expect("it begins like one").expect_err("too much");
    assert_eq!(error.code, "yaml-anchor");
}

#[test]
fn privileged_containers_have_what_they_name_with_docker_and_nothing_with_a_kubelet() {
    let pod = |context: &str| {
        format!("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: web\n    securityContext: {{{context}}}\n")
    };
    let privileged = pod("privileged: true, seccompProfile: {type: RuntimeDefault}");
    assert_eq!(found(&privileged), [(Severity::Error, "true".to_owned())]);
    assert_eq!(found(&pod("privileged: false, seccompProfile: {type: RuntimeDefault}")), []);
    let service = |more: &str| format!("services:\n  web:\n    image: x\n    privileged: true\n{more}");
    assert_eq!(found(&service("")), [(Severity::Error, "true".to_owned())]);
    assert_eq!(found(&service("    security_opt: [\"seccomp=own.json\"]\n")), []);
}

#[test]
fn nothing_said_is_a_kubelets_setting_and_dockers_default() {
    let annotated = "apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    seccomp.security.alpha.kubernetes.io/pod: \
                     runtime/default\nspec:\n  containers: [{name: web}]\n";
    assert_eq!(found(annotated), [(Severity::Warning, "web".to_owned())]);
    let document = Document::of_text("file", annotated, &Groups::new(), Reading::default());
    let findings = lint(&document, &[rule("workload-unconfined").expect("it is there")]);
    assert_eq!(document.sources.snippet(findings[0].labels[1].span), "runtime/default");
    assert_eq!(found("services:\n  web: {image: nginx}\n"), []);
}

#[test]
fn a_file_that_someone_looked_for_in_vain_is_found() {
    let text = "services:\n  web: {image: nginx, security_opt: [\"seccomp=gone.json\"]}\n";
    let mut document = Document::of_text("file", text, &Groups::new(), Reading::default());
    let rule = rule("RTM012").expect("it is there");
    assert!(lint(&document, &[rule]).is_empty());
    let Some(Form::Workload(workload)) = &mut document.form else { panic!("{:?}", document.form) };
    workload.references_mut().for_each(|reference| reference.found = Some(false));
    assert_eq!(lint(&document, &[rule]).len(), 1);
}
