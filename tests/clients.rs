//! Podman and dockerd, as a user calls them, with state of their own and one image: busybox.
//!
//! No systemd, no bridge and no registry is needed. Each container has a cgroup v2 of its own.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::bundle::apart;
use crate::support::{told, tool};

/// What the image is called.
pub(crate) const IMAGE: &str = "busybox:1";

/// Who is asked to start a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Podman,
    Docker,
}

/// A client with a runtime below it.
pub(crate) struct Client {
    kind: Kind,
    runtime: &'static str,
    folder: TempDir,
    /// Docker's daemon, in its own mount namespace.
    daemon: Option<Child>,
}

impl Client {
    /// Starts what has to be started, and imports the image.
    pub(crate) fn new(kind: Kind, runtime: &'static str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let mut client = Self { kind, runtime, folder, daemon: None };
        let image = client.image();
        fs::write(client.at("empty"), "").expect("a file");
        match kind {
            Kind::Podman => client.configure_podman(),
            Kind::Docker => client.start_dockerd(),
        }
        let output = client.command().arg("import").arg(image).arg(IMAGE).output().expect("the client runs");
        assert!(output.status.success(), "{}", told(&output));
        client
    }

    /// The client, without its arguments yet.
    pub(crate) fn command(&self) -> Command {
        let mut command = apart(&self.at("empty"));
        match self.kind {
            Kind::Podman => {
                command.env("CONTAINERS_CONF", self.at("containers.conf")).env("TMPDIR", self.at("tmp"));
                command.arg("podman").arg("--root").arg(self.at("root")).arg("--runroot").arg(self.at("run"));
                command.arg("--tmpdir").arg(self.at("libpod")).args(["--storage-driver", "overlay", "--runtime"]);
                command.arg(self.runtime);
            }
            Kind::Docker => {
                command.env("DOCKER_HOST", self.socket()).arg("docker");
            }
        }
        command.stdin(Stdio::null());
        command
    }

    /// `run` with a profile and more options, up to the image.
    pub(crate) fn run(&self, profile: &Path, options: &[&str]) -> Command {
        let mut command = self.command();
        command.args(["run", "--network=none"]);
        if self.kind == Kind::Docker {
            command.arg("--runtime").arg(self.runtime);
        }
        command.arg("--security-opt").arg(format!("seccomp={}", profile.display())).args(options).arg(IMAGE);
        command
    }

    /// Runs the client to its end; it has to do well. What it printed, trimmed.
    #[track_caller]
    pub(crate) fn does(&self, arguments: &[&str]) -> String {
        let output = self.command().args(arguments).output().expect("the client runs");
        assert!(output.status.success(), "{arguments:?}: {}", told(&output));
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn socket(&self) -> String {
        format!("unix://{}", self.at("socket").display())
    }

    /// Busybox and a link for each of its applets, as a tar.
    fn image(&self) -> PathBuf {
        let root = self.at("rootfs");
        for folder in ["bin", "dev", "etc", "proc", "root", "run", "sys", "tmp"] {
            fs::create_dir_all(root.join(folder)).expect("a folder");
        }
        let busybox = tool("busybox").expect("busybox");
        fs::copy(&busybox, root.join("bin/busybox")).expect("a copy");
        let applets = Command::new(&busybox).arg("--list").output().expect("busybox runs");
        for applet in String::from_utf8(applets.stdout).expect("text").lines().filter(|name| *name != "busybox") {
            symlink("busybox", root.join("bin").join(applet)).expect("a link");
        }
        fs::write(root.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n").expect("a file");
        let image = self.at("image.tar");
        let output = Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&image).arg(".").output();
        assert!(output.expect("tar runs").status.success());
        image
    }

    fn configure_podman(&self) {
        // Podman's own limits can't be raised without CAP_SYS_RESOURCE, and there is no journal.
        let text = format!(
            "[containers]\ndefault_ulimits=[]\nlog_driver=\"k8s-file\"\n[engine]\ncgroup_manager=\"cgroupfs\"\n\
             events_logger=\"file\"\n[network]\nnetwork_config_dir=\"{}\"\n",
            self.at("net").display()
        );
        fs::write(self.at("containers.conf"), text).expect("a file");
        fs::create_dir_all(self.at("tmp")).expect("a folder");
    }

    fn start_dockerd(&mut self) {
        let log = fs::File::create(self.at("log")).expect("a file");
        let mut command = apart(&self.at("empty"));
        command.arg("dockerd").arg("--data-root").arg(self.at("data")).arg("--exec-root").arg(self.at("exec"));
        command.arg("--pidfile").arg(self.at("pid")).args(["-H", &self.socket(), "--storage-driver", "overlay2"]);
        command.args(["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--bridge=none"]);
        command.args(["--exec-opt", "native.cgroupdriver=cgroupfs", "--add-runtime", "crun=/usr/bin/crun"]);
        command.arg("--log-level=error").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.daemon = Some(command.spawn().expect("dockerd starts"));
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.answers() {
            let log = || fs::read_to_string(self.at("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "dockerd doesn't answer:\n{}", log());
            sleep(Duration::from_millis(100));
        }
    }

    fn answers(&self) -> bool {
        let output: Output = self.command().arg("version").output().expect("docker runs");
        output.status.success()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            // `exec` made dockerd of the process that was started.
            let _ = Command::new("kill").arg(daemon.id().to_string()).status();
            let _ = daemon.wait();
        }
        // What was mounted for containers in the host's namespace would keep the folder.
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let ours = self.folder.path().display().to_string();
        for mount in mounts.lines().rev().filter_map(|line| line.split_whitespace().nth(1)) {
            if mount.starts_with(&ours) {
                let _ = Command::new("umount").arg(mount).status();
            }
        }
    }
}
