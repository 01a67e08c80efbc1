//! Real containers, recorded: from outside, by what starts them, and by their runtimes' hooks. What is counted is what the
//! container's filter sees, and what the filter refuses is named with the line to add.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Need, have, told, tool};

/// What runc and crun do between loading the filter and the program, with `no_new_privs`: measured with both runtimes' versions
/// of Debian 12 to 14, and a superset for all of them. Rare calls of runc's Go runtime are in it.
const RUNC_BASELINE: &[&str] = &[
    "close",
    "epoll_ctl",
    "execve",
    "fcntl",
    "fstat",
    "fstatfs",
    "futex",
    "getdents64",
    "getpid",
    "mmap",
    "openat",
    "openat2",
    "rt_sigreturn",
    "statx",
    "tgkill",
    "write",
];
const CRUN_BASELINE: &[&str] = &["close", "close_range", "execve"];

/// A machine's worth of containers in a folder: an image's files, profiles, and where the recordings go.
struct Yard {
    folder: TempDir,
}

impl Yard {
    /// Without an image and profiles.
    fn empty() -> Self {
        let yard = Self { folder: TempDir::new().expect("a folder") };
        fs::write(yard.path("empty"), "").expect("a file");
        yard
    }

    fn new() -> Self {
        let Self { folder } = Self::empty();
        let bin = folder.path().join("rootfs/bin");
        for name in ["bin", "tmp", "proc", "dev", "sys", "etc"] {
            fs::create_dir_all(folder.path().join("rootfs").join(name)).expect("a folder");
        }
        fs::copy(tool("busybox").expect("busybox"), bin.join("busybox")).expect("a copy");
        for name in ["sh", "sleep", "mkdir", "true", "cat", "id", "ls"] {
            symlink("busybox", bin.join(name)).expect("a link");
        }
        let yard = Self { folder };
        yard.write("deny.json", &profile("SCMP_ACT_ERRNO"));
        yard.write("kill.json", &profile("SCMP_ACT_KILL_PROCESS"));
        yard
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, value: &Value) {
        fs::write(self.path(name), value.to_string()).expect("a file");
    }

    /// A command in a mount namespace where the host's two cgroup hierarchies look as engines want them: crun refuses a
    /// cgroup2 with controllers beside the older hierarchies.
    fn in_namespace(&self, program: &str) -> Command {
        let script = "f=/sys/fs/cgroup/unified/cgroup.controllers; [ ! -e $f ] || mount --bind \"$0\" $f; exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["-m", "--propagation", "private", "sh", "-c", script]).arg(self.path("empty")).arg(program);
        command.stdin(Stdio::null());
        command
    }

    /// callgate, in there too.
    fn callgate(&self) -> Command {
        self.in_namespace(env!("CARGO_BIN_EXE_callgate"))
    }

    /// A bundle whose program is `script`.
    fn bundle(&self, name: &str, script: &str, profile: Option<&Value>) -> PathBuf {
        let bundle = self.path(name);
        fs::create_dir_all(&bundle).expect("a folder");
        let output = Command::new("runc").args(["spec", "--bundle"]).arg(&bundle).output().expect("runc runs");
        assert!(output.status.success(), "{}", told(&output));
        let path = bundle.join("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).expect("a config")).expect("JSON");
        config["process"]["args"] = json!(["sh", "-c", script]);
        config["process"]["terminal"] = json!(false);
        config["root"]["path"] = json!(self.path("rootfs"));
        config["root"]["readonly"] = json!(false);
        config["linux"]["seccomp"] = profile.cloned().unwrap_or(Value::Null);
        config["linux"].as_object_mut().expect("an object").remove("resources");
        fs::write(&path, config.to_string()).expect("a file");
        bundle
    }

    fn recording(&self, name: &str) -> Recorded {
        let text = fs::read_to_string(self.path(name)).expect("a recording");
        Recorded(serde_json::from_str(&text).expect("JSON"))
    }
}

/// Allows everything but mkdir, so that a filter is there and what it doesn't name is seen.
fn profile(action: &str) -> Value {
    json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": action}]})
}

/// A name that no other test's container has: runtimes name cgroups by it.
fn name(what: &str) -> String {
    format!("callgate-{what}-{}", std::process::id())
}

struct Recorded(Value);

impl Recorded {
    fn run(&self) -> &Value {
        &self.0["runs"][0]
    }

    #[track_caller]
    fn assert_complete(&self) -> &Self {
        assert_eq!(
            (&self.0["complete"], &self.0["runs"].as_array().map(Vec::len)),
            (&json!(true), &Some(1)),
            "{}",
            self.0
        );
        self
    }

    fn names(&self, phase: &str) -> BTreeSet<&str> {
        let rows = self.run()["rows"].as_array().expect("rows").iter();
        rows.filter(|row| row["phase"] == phase).map(|row| row["syscall"].as_str().expect("a name")).collect()
    }

    fn calls(&self, phase: &str, name: &str) -> u64 {
        let rows = self.run()["rows"].as_array().expect("rows").iter();
        let wanted = rows.filter(|row| row["phase"] == phase && row["syscall"] == name);
        wanted.map(|row| row["calls"].as_u64().expect("a count")).sum()
    }

    /// Name, verdict and count of what was refused.
    fn denied(&self) -> Vec<(String, Value, u64)> {
        let rows = self.run()["denied"].as_array().cloned().unwrap_or_default();
        let denied = |row: Value| {
            let name = row["syscall"].as_str().expect("a name").to_owned();
            (name, row["verdict"].clone(), row["calls"].as_u64().expect("a count"))
        };
        rows.into_iter().map(denied).collect()
    }

    #[track_caller]
    fn assert_baseline(&self, known: &[&str]) -> &Self {
        let seen = self.names("exec");
        assert!(seen.contains("execve"), "{seen:?}");
        let more: Vec<_> = seen.iter().filter(|name| !known.contains(name)).collect();
        assert!(more.is_empty(), "after the filter and before the program: {more:?}");
        self
    }
}

#[track_caller]
fn succeeds(output: &Output) {
    assert!(output.status.success(), "{}", told(output));
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Waits until something is there.
#[track_caller]
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not in a minute");
        sleep(Duration::from_millis(20));
    }
}

/// A recorder that says when nothing is missed any more.
struct Recorder {
    process: Child,
}

impl Recorder {
    /// Starts `callgate record` with these arguments, and waits until it has attached: then the first checkpoint is there.
    fn start(yard: &Yard, into: &str, arguments: &[&str]) -> Self {
        let mut command = yard.callgate();
        command.args(["record", "--checkpoint", "0.1", "-o"]).arg(yard.path(into)).args(arguments);
        let mut process = command.stderr(Stdio::piped()).spawn().expect("callgate runs");
        until("the first checkpoint", || {
            assert!(process.try_wait().expect("a child").is_none(), "the recorder has ended");
            fs::metadata(yard.path(into)).ok()
        });
        Self { process }
    }

    /// Waits for its end; what it said.
    fn finish(self) -> Output {
        self.process.wait_with_output().expect("a child")
    }
}

#[test]
fn what_runc_and_crun_start_is_recorded_from_its_filter_on() {
    if !have(&[Need::Root, Need::Tool("busybox"), Need::Tool("runc"), Need::Tool("crun")]) {
        return;
    }
    let yard = Yard::new();
    let bundle =
        yard.bundle("bundle", "mkdir /tmp/new || cat /proc/self/status >/dev/null", Some(&profile("SCMP_ACT_ERRNO")));
    for (runtime, baseline) in [("runc", RUNC_BASELINE), ("crun", CRUN_BASELINE)] {
        let file = format!("{runtime}.json");
        let mut command = yard.callgate();
        command.args(["record", "-o"]).arg(yard.path(&file)).args(["--", runtime, "--root"]).arg(yard.path(runtime));
        let output = command.args(["run", "--bundle"]).arg(&bundle).arg(name(runtime)).output().expect("callgate runs");
        succeeds(&output);
        let recorded = yard.recording(&file);
        recorded.assert_complete().assert_baseline(baseline);
        assert_eq!(recorded.run()["since"], "filter");
        assert_eq!(recorded.denied(), [("mkdir".to_owned(), json!({"errno": 1}), 1)], "{runtime}");
        assert!(said(&output).contains("add: `allow: mkdir`"), "{}", told(&output));
        assert!(said(&output).contains("errno(EPERM)"), "{}", told(&output));
        // Nothing of what sets a container up.
        let names: BTreeSet<_> = recorded.names("exec").union(&recorded.names("run")).copied().collect();
        assert!(["mount", "pivot_root", "unshare", "setns"].iter().all(|name| !names.contains(name)), "{names:?}");
    }
}

#[test]
fn a_container_without_a_profile_has_nothing_to_count_from() {
    if !have(&[Need::Root, Need::Tool("busybox"), Need::Tool("runc")]) {
        return;
    }
    let yard = Yard::new();
    let bundle = yard.bundle("bundle", "true", None);
    let mut command = yard.callgate();
    command.args(["record", "-o"]).arg(yard.path("r.json")).args(["--", "runc", "--root"]).arg(yard.path("state"));
    let output = command.args(["run", "--bundle"]).arg(&bundle).arg(name("open")).output().expect("callgate runs");
    succeeds(&output);
    assert!(said(&output).contains("--since start"), "{}", told(&output));
}

#[test]
fn hooks_of_runc_and_crun_record_the_container() {
    if !have(&[Need::Root, Need::Tool("busybox"), Need::Tool("runc"), Need::Tool("crun")]) {
        return;
    }
    let yard = Yard::new();
    let mut config = yard.callgate();
    config.args(["hook", "--print-config=oci", "--into"]).arg(yard.path("recordings"));
    let hooks: Value = serde_json::from_slice(&config.output().expect("callgate runs").stdout).expect("JSON");
    for (runtime, baseline) in [("runc", RUNC_BASELINE), ("crun", CRUN_BASELINE)] {
        // With a profile, calls are counted from the filter on; without one, from the program on.
        for (kind, profile, baseline) in
            [("p", Some(profile("SCMP_ACT_ERRNO")), baseline), ("n", None, &["execve"][..])]
        {
            let bundle = yard.bundle(&format!("{runtime}-{kind}"), "mkdir /tmp/$$ ; id", profile.as_ref());
            let path = bundle.join("config.json");
            let mut config: Value = serde_json::from_slice(&fs::read(&path).expect("a config")).expect("JSON");
            config["hooks"] = hooks.clone();
            fs::write(&path, config.to_string()).expect("a file");
            let id = name(&format!("{runtime}-hook-{kind}"));
            let mut command = yard.in_namespace(runtime);
            command.arg("--root").arg(yard.path(runtime)).args(["run", "--bundle"]).arg(&bundle).arg(&id);
            let output = command.output().expect("it runs");
            succeeds(&output);
            let recorded = yard.recording(&format!("recordings/{id}.json"));
            recorded.assert_complete().assert_baseline(baseline);
            assert_eq!(recorded.run()["scope"]["container"], json!(id));
            assert_eq!(recorded.run()["command"], json!(["sh", "-c", "mkdir /tmp/$$ ; id"]));
            let denied = if profile.is_some() { vec!["mkdir".to_owned()] } else { vec![] };
            assert_eq!(recorded.denied().into_iter().map(|(name, ..)| name).collect::<Vec<_>>(), denied, "{id}");
            assert_eq!(recorded.calls("run", "mkdir"), u64::from(profile.is_none()), "{id}");
            assert!(recorded.calls("run", "getuid") > 0, "{id}");
        }
    }
    let left: Vec<_> =
        fs::read_dir(yard.path("recordings")).expect("a folder").flatten().map(|entry| entry.path()).collect();
    assert_eq!(left.len(), 4, "recordings and nothing else: {left:?}");
}

#[test]
fn a_hook_that_is_not_called_by_a_runtime_says_how() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callgate"));
    let output = command.args(["hook", "--into", "/nowhere"]).stdin(Stdio::null()).output().expect("callgate runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("--print-config"), "{}", told(&output));
}

/// A dockerd of this test alone.
struct Docker {
    daemon: Child,
    socket: String,
}

impl Docker {
    fn start(yard: &Yard) -> Self {
        let socket = format!("unix://{}", yard.path("docker.sock").display());
        let config = json!({"runtimes": {
            "crun": {"path": tool("crun")},
            "callgate": {
                "path": env!("CARGO_BIN_EXE_callgate"),
                "runtimeArgs": ["hook", "--runtime", "runc", "--into", yard.path("recordings")],
            },
        }});
        yard.write("daemon.json", &config);
        let mut command = yard.in_namespace("dockerd");
        command.arg("--config-file").arg(yard.path("daemon.json"));
        command.arg("--data-root").arg(yard.path("data")).arg("--exec-root").arg(yard.path("exec"));
        command.arg("--pidfile").arg(yard.path("docker.pid")).args(["-H", &socket, "--log-level=error"]);
        command.args(["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--bridge=none"]);
        command.args(["--exec-opt", "native.cgroupdriver=cgroupfs"]);
        let log = fs::File::create(yard.path("dockerd.log")).expect("a file");
        let daemon = command.stdout(Stdio::null()).stderr(log).spawn().expect("dockerd starts");
        let docker = Self { daemon, socket };
        until("dockerd", || docker.command(&["version"]).output().ok().filter(|output| output.status.success()));
        let image = yard.path("image.tar");
        let tar = Command::new("tar").arg("-C").arg(yard.path("rootfs")).arg("-cf").arg(&image).arg(".").status();
        assert!(tar.is_ok_and(|status| status.success()));
        succeeds(&docker.command(&["import", &image.display().to_string(), "image:1"]).output().expect("docker runs"));
        docker
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(tool("docker").expect("docker"));
        command.args(["--host", &self.socket]).args(arguments).stdin(Stdio::null());
        command
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().expect("docker runs");
        succeeds(&output);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A container that goes on until it is removed.
    #[track_caller]
    fn start_container(&self, name: &str, profile: &Path, script: &str) -> String {
        let security = format!("seccomp={}", profile.display());
        self.run(&[
            "run",
            "-d",
            "--network=none",
            "--name",
            name,
            "--security-opt",
            &security,
            "image:1",
            "sh",
            "-c",
            script,
        ])
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        if let Ok(output) = self.command(&["ps", "-aq"]).output() {
            for id in String::from_utf8_lossy(&output.stdout).split_whitespace() {
                let _ = self.command(&["rm", "-f", id]).output();
            }
        }
        // The namespace's shell has become dockerd.
        let _ = Command::new("kill").arg(self.daemon.id().to_string()).status();
        let _ = self.daemon.wait();
    }
}

fn have_docker() -> bool {
    have(&[
        Need::Root,
        Need::Tool("busybox"),
        Need::Tool("dockerd"),
        Need::Tool("docker"),
        Need::Tool("runc"),
        Need::Tool("crun"),
    ])
}

#[test]
fn dockers_containers_are_recorded_whoever_looks() {
    if !have_docker() {
        return;
    }
    let yard = Yard::new();
    let docker = Docker::start(&yard);

    // A container that fails under its profile, looked at from outside: by its id, its exec'ed processes with it.
    let failing = "while true; do mkdir /tmp/new 2>/dev/null; sleep 0.05; done";
    let container = name("failing");
    let id = docker.start_container(&container, &yard.path("deny.json"), failing);
    let recorder = Recorder::start(&yard, "running.json", &["--container", &id[..12]]);
    docker.run(&["exec", &container, "id"]);
    let refused = docker.command(&["exec", &container, "mkdir", "/tmp/other"]).output().expect("docker runs");
    assert!(!refused.status.success(), "{}", told(&refused));
    docker.run(&["rm", "-f", &container]);
    let output = recorder.finish();
    succeeds(&output);
    let recorded = yard.recording("running.json");
    recorded.assert_complete();
    assert_eq!(recorded.run()["scope"]["container"], json!(id));
    assert_eq!((&recorded.run()["since"], &recorded.run()["ended"]), (&json!("filter"), &json!("scope ended")));
    assert!(recorded.calls("run", "getuid") > 0, "id's");
    assert_eq!(recorded.calls("exec", "execve"), 2, "what was exec'ed");
    assert!(recorded.names("exec").contains("capset"), "runc's own, before the program");
    assert!(said(&output).contains("add: `allow: mkdir`"), "{}", told(&output));

    // By the name that docker knows, for a while.
    let container = name("named");
    let id = docker.start_container(&container, &yard.path("deny.json"), "sleep 60");
    let mut command = yard.callgate();
    command.env("DOCKER_HOST", &docker.socket).args(["record", "--duration", "0.3", "-o"]).arg(yard.path("named.json"));
    succeeds(&command.args(["--container", &container]).output().expect("callgate runs"));
    let recorded = yard.recording("named.json");
    assert_eq!((&recorded.run()["scope"]["container"], &recorded.run()["still_running"]), (&json!(id), &json!(1)));

    // What `docker run` starts, though the daemon is its parent; kills are seen.
    for (profile, verdict) in [("deny.json", json!({"errno": 1})), ("kill.json", json!("kill"))] {
        let security = format!("seccomp={}", yard.path(profile).display());
        let mut command = yard.callgate();
        command.args(["record", "-o"]).arg(yard.path("run.json")).arg("--").arg(tool("docker").expect("docker"));
        command.args([
            "--host",
            &docker.socket,
            "run",
            "--rm",
            "--network=none",
            "--security-opt",
            &security,
            "image:1",
        ]);
        succeeds(&command.args(["sh", "-c", "mkdir /tmp/new; id"]).output().expect("callgate runs"));
        let recorded = yard.recording("run.json");
        recorded.assert_complete();
        assert_eq!(recorded.denied(), [("mkdir".to_owned(), verdict, 1)]);
        assert!(recorded.calls("run", "getuid") > 0 && recorded.names("exec").contains("capset"));
        assert!(!recorded.names("run").contains("connect"), "nothing of the client's");
    }

    // In the runtime's place.
    docker.run(&["run", "--rm", "--network=none", "--runtime=callgate", "image:1", "id"]);
    let files: Vec<_> =
        fs::read_dir(yard.path("recordings")).expect("recordings").flatten().map(|entry| entry.path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    let text = fs::read_to_string(file).expect("a recording");
    let recorded = Recorded(serde_json::from_str(&text).expect("JSON"));
    recorded.assert_complete();
    assert!(recorded.calls("run", "getuid") > 0 && recorded.names("exec").contains("capset"), "{text}");
}

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

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> String {
        let mut command = self.yard.in_namespace("env");
        self.add_to(&mut command, arguments);
        let output = command.output().expect("podman runs");
        succeeds(&output);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Podman<'_> {
    fn drop(&mut self) {
        let mut command = self.yard.in_namespace("env");
        self.add_to(&mut command, &["rm", "-a", "-f", "-t", "0"]);
        let _ = command.output();
        let _ = Command::new("umount").arg(self.yard.path("root/overlay")).stderr(Stdio::null()).status();
    }
}

#[test]
fn a_recorder_that_is_killed_leaves_the_last_checkpoint() {
    if !have(&[Need::Root]) {
        return;
    }
    let yard = Yard::empty();
    // Nothing that stays may hold the pipe that the recorder's words are read from.
    let script = "echo; exec sleep 30 >/dev/null 2>&1";
    let recorder = Recorder::start(&yard, "r.json", &["--", "sh", "-c", script]);
    until("the shell's echo", || (yard.recording("r.json").calls("run", "write") > 0).then_some(()));
    // The namespace's shell has become callgate.
    let killed = Command::new("kill").args(["-9", &recorder.process.id().to_string()]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    recorder.finish();
    let recorded = yard.recording("r.json");
    assert_eq!((&recorded.0["complete"], &recorded.run()["in_progress"]), (&json!(false), &json!(true)));
    assert!(recorded.calls("run", "write") > 0, "{}", recorded.0);
    let output = Command::new(env!("CARGO_BIN_EXE_callgate")).arg("derive").arg(yard.path("r.json")).output();
    let output = output.expect("callgate runs");
    assert_eq!(output.status.code(), Some(2), "nothing is derived from it: {}", told(&output));
}

#[test]
fn a_signal_says_that_it_serves_and_another_that_it_is_over() {
    if !have(&[Need::Root]) {
        return;
    }
    let yard = Yard::empty();
    let script = "echo ready; read line; pwd >/dev/null; umask 077; read line";
    let mut shell =
        Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("sh");
    let mut line = String::new();
    BufReader::new(shell.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let recorder = Recorder::start(&yard, "r.json", &["--pid", &shell.id().to_string()]);
    let signal = |name: &str| {
        let status = Command::new("kill").args([name, &recorder.process.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()));
    };
    signal("-USR1");
    until("serving", || yard.recording("r.json").run()["serving_after"].as_u64());
    let mut input = shell.stdin.take().expect("a pipe");
    input.write_all(b"go on\n").expect("written");
    until("umask", || (yard.recording("r.json").calls("serving", "umask") > 0).then_some(()));
    signal("-TERM");
    succeeds(&recorder.finish());
    drop(input);
    shell.wait().expect("a child");
    let recorded = yard.recording("r.json");
    recorded.assert_complete();
    assert_eq!((&recorded.run()["ended"], &recorded.run()["still_running"]), (&json!("stopped"), &json!(1)));
    assert_eq!(recorded.calls("run", "umask"), 0);
}
