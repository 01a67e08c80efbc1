//! # workload-unconfined
//!
//! ## What
//! A container of a pod or of a Compose file that runs without a filter.
//!
//! ## Why
//! Without one, every call of the kernel is within the container's reach. Kubernetes gives a container that says nothing none,
//! unless the kubelet runs with `--seccomp-default`; a privileged one never has any; an empty `localhostProfile` meant none to
//! kubelets before 1.27.2 (CVE-2023-2431); annotations mean nothing since 1.27. Docker gives its default profile, but to
//! privileged containers only what they name themselves.
//!
//! Nothing said in Kubernetes is a warning, since the kubelet's setting can't be seen in the file.
//!
//! ## Example
//! ```workload at="Unconfined"
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   securityContext:
//!     seccompProfile: {type: RuntimeDefault}
//!   containers:
//!   - name: web
//!     image: nginx
//!     securityContext:
//!       seccompProfile: {type: Unconfined}
//! ```
//! ```workload at="web"
//! apiVersion: apps/v1
//! kind: Deployment
//! metadata: {name: web}
//! spec:
//!   template:
//!     spec:
//!       containers:
//!       - name: web
//!         image: nginx
//! ```
//! ```workload at="seccomp:unconfined"
//! services:
//!   web:
//!     image: nginx
//!     security_opt:
//!     - seccomp:unconfined
//! ```
//!
//! ## Near miss
//! ```workload
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   securityContext:
//!     seccompProfile: {type: Localhost, localhostProfile: profiles/web.json}
//!   containers:
//!   - name: web
//!     image: nginx
//! ```
//! ```workload
//! services:
//!   web:
//!     image: nginx
//!   debug:
//!     image: tools
//!     privileged: true
//!     security_opt: ["seccomp=./debug.json"]
//! ```
//!
//! ## Fix
//! `seccompProfile: {type: RuntimeDefault}` for the pod, or a profile of its own; in Compose take `seccomp=unconfined` and
//! `privileged` away. What the program needs, `callgate record` finds out.
//!
//! ## Sources
//! - Kubernetes documentation, "Restrict a Container's Syscalls with seccomp": privileged containers always run as Unconfined
//! - kubernetes#118690 (CVE-2023-2431); annotations: kubernetes#109819 (1.25, kubelets) and #114947 (1.27)
//! - moby, `daemon/seccomp_linux.go`, `WithSeccomp`; Podman 4.3 applies an explicit profile to a privileged container (measured)

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::document::Form;
use crate::finding::Finding;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::workload::{Container, Profiled, Starter};

pub(super) const RULE: Rule = Rule::new("RTM012", "workload-unconfined", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(Form::Workload(workload)) = &document.form else { return Ok(()) };
    for container in &workload.containers {
        let found = problem(findings, container);
        if let Some(finding) = found {
            findings.push(finding);
        }
    }
    Ok(())
}

/// The worst there is to say of a container's filter.
fn problem(findings: &Findings, container: &Container) -> Option<Finding> {
    let name = &container.name;
    let kubernetes = container.starter == Starter::Kubernetes;
    let says_nothing = matches!(container.profile, Profiled::Unsaid | Profiled::RuntimeDefault(_));
    if let Some(at) = container.privileged.filter(|_| kubernetes || says_nothing) {
        let finding = findings.new_at(at, format!("`{name}` is privileged, so it runs without a filter"));
        return Some(match &container.profile {
            Profiled::File(reference) => finding.and_at(reference.at, "no kubelet applies this"),
            _ => finding,
        });
    }
    match &container.profile {
        Profiled::Unconfined(at) => Some(findings.new_at(*at, format!("`{name}` runs without a filter"))),
        Profiled::Nameless(at) => Some(
            findings
                .new_at(*at, format!("`{name}` names a profile without a name"))
                .because("kubelets before 1.27.2 ran such a container without a filter (CVE-2023-2431)")
                .help("write the file's path"),
        ),
        Profiled::Unknown(what, at) => Some(
            findings
                .new_at(*at, format!("no kind of seccomp profile is called `{what}`"))
                .help("there are RuntimeDefault, Localhost and Unconfined"),
        ),
        Profiled::File(reference) if reference.found == Some(false) => Some(
            findings
                .new_at(reference.at, format!("there is no profile `{}`", reference.path))
                .here(format!("`{name}` doesn't start")),
        ),
        Profiled::Unsaid if kubernetes => {
            let finding = findings
                .new_at(container.at, format!("nothing says which filter `{name}` has, and the default is none"))
                .at_most(Severity::Warning)
                .because("unless the kubelet runs with --seccomp-default")
                .help("write `seccompProfile: {type: RuntimeDefault}` into the pod's `securityContext`");
            Some(match container.annotation {
                Some(annotation) => finding.and_at(annotation, "no kubelet reads this annotation since 1.27"),
                None => finding,
            })
        }
        _ => None,
    }
}
