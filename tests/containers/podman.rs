//! Podman's containers: by what starts them, by their id, by a hook; and the circle closed.

use std::fs;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::json;

use super::yard::{MORE, Recorded, Recorder, STARTS, WORK, Yard, learned_profile, said, succeeds, until};
use crate::support::{Need, have, told};

#[test]
fn podmans_containers_are_recorded_by_their_start_their_id_and_a_hook() {
    if !have(&[Need::Root, Need::Tool("busybox"), Need::Tool("podman"), Need::Tool("crun")]) {
        return;
    }
    let yard = Yard::new();
    let podman = Podman::new(&yard);
    let deny = format!("seccomp={}", yard.path("deny.json").display());

    let mut command = yard.callgate();
    command.args(["record", "-o"]).arg(yard.path("run.json")).arg("--");
    podman.add_to(
        &mut command,
        &["run", "--rm", "--network=none", "--security-opt", &deny, "image:1", "mkdir", "/tmp/new"],
    );
    let output = command.output().expect("callgate runs");
    assert_eq!(output.status.code(), Some(1), "mkdir's own: {}", told(&output));
    let recorded = yard.recording("run.json");
    recorded.assert_complete();
    assert_eq!(recorded.denied(), [("mkdir".to_owned(), json!({"errno": 1}), 1)]);
    assert!(recorded.names("exec").contains("capset") && !recorded.names("exec").contains("mount"));

    let script = "while true; do mkdir /tmp/new; sleep 0.05; done 2>/dev/null";
    let id = podman.run(&["run", "-d", "--network=none", "--security-opt", &deny, "image:1", "sh", "-c", script]);
    let recorder = Recorder::start(&yard, "running.json", &["--container", &id[..12]]);
    sleep(Duration::from_millis(300));
    podman.run(&["rm", "-f", "-t", "0", &id]);
    succeeds(&recorder.finish());
    let recorded = yard.recording("running.json");
    assert_eq!(recorded.assert_complete().run()["scope"]["container"], json!(id));
    assert!(recorded.denied().iter().any(|(name, ..)| name == "mkdir"), "{:?}", recorded.denied());

    // The circle, as under docker.
    let mut command = yard.callgate();
    command.args(["record", "--repeat", "3", "-o"]).arg(yard.path("work.json")).arg("--");
    podman.add_to(&mut command, &["run", "--rm", "--network=none", "image:1", "sh", "-c", WORK]);
    succeeds(&command.output().expect("callgate runs"));
    let security = format!("seccomp={}", learned_profile(&yard, "work.json", "crun").display());
    let run = ["run", "--rm", "--network=none", "--security-opt", &security, "image:1", "sh", "-c"];
    for _ in 0..STARTS {
        assert!(podman.run(&[&run[..], &[WORK]].concat()).ends_with("done"));
    }
    let refused = podman.output(&[&run[..], &[MORE]].concat());
    assert!(!refused.status.success() && said(&refused).contains("Operation not permitted"), "{}", told(&refused));

    let mut config = yard.callgate();
    config.args(["hook", "--print-config", "--into"]).arg(yard.path("recordings"));
    fs::create_dir(yard.path("hooks")).expect("a folder");
    fs::write(yard.path("hooks/callgate.json"), config.output().expect("callgate runs").stdout).expect("a file");
    let hooks = yard.path("hooks").display().to_string();
    for annotation in [&["--annotation", "io.callgate.record=1"][..], &[]] {
        let mut arguments = vec!["--hooks-dir", hooks.as_str(), "run", "--rm", "--network=none"];
        arguments.extend(annotation);
        arguments.extend(["image:1", "id"]);
        podman.run(&arguments);
    }
    let files: Vec<_> = until("the recording", || {
        let files = fs::read_dir(yard.path("recordings")).ok()?.flatten().map(|entry| entry.path());
        let files: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect();
        (!files.is_empty()).then_some(files)
    });
    let [file] = &files[..] else { panic!("only the one with the annotation: {files:?}") };
    let recorded = Recorded(serde_json::from_str(&fs::read_to_string(file).expect("a recording")).expect("JSON"));
    recorded.assert_complete();
    assert!(recorded.calls("run", "getuid") > 0 && recorded.names("exec").contains("capset"));
}

/// podman with all its state in one folder.
struct Podman<'yard> {
    yard: &'yard Yard,
    options: Vec<String>,
}

impl<'yard> Podman<'yard> {
    fn new(yard: &'yard Yard) -> Self {
        let place = |name: &str| yard.path(name).display().to_string();
        let config = format!(
            "[containers]\ndefault_ulimits=[]\nlog_driver=\"k8s-file\"\n[engine]\ncgroup_manager=\"cgroupfs\"\nevents_logger=\"file\"\n\
             [network]\nnetwork_config_dir=\"{}\"\n",
            place("net")
        );
        fs::write(yard.path("containers.conf"), config).expect("a file");
        fs::create_dir(yard.path("tmp")).expect("a folder");
        let options = [("--root", "root"), ("--runroot", "run"), ("--tmpdir", "libpod")];
        let mut options: Vec<String> =
            options.into_iter().flat_map(|(option, name)| [option.to_owned(), place(name)]).collect();
        options.extend(["--storage-driver", "overlay", "--runtime", "crun"].map(str::to_owned));
        let podman = Self { yard, options };
        let image = yard.path("image.tar");
        let tar = Command::new("tar").arg("-C").arg(yard.path("rootfs")).arg("-cf").arg(&image).arg(".").status();
        assert!(tar.is_ok_and(|status| status.success()));
        podman.run(&["import", &image.display().to_string(), "image:1"]);
        podman
    }

    /// podman with these arguments, behind what the command says already.
    fn add_to(&self, command: &mut Command, arguments: &[&str]) {
        command.env("CONTAINERS_CONF", self.yard.path("containers.conf")).env("TMPDIR", self.yard.path("tmp"));
        command.arg("podman").args(&self.options).args(arguments);
    }

    fn output(&self, arguments: &[&str]) -> Output {
        let mut command = self.yard.in_namespace("env");
        self.add_to(&mut command, arguments);
        command.output().expect("podman runs")
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        succeeds(&output);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Podman<'_> {
    fn drop(&mut self) {
        let _ = self.output(&["rm", "-a", "-f", "-t", "0"]);
        let _ = Command::new("umount").arg(self.yard.path("root/overlay")).stderr(Stdio::null()).status();
    }
}
