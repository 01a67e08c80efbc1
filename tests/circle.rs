//! The circle: record a real program, derive, run the same work under `callgate run` and in a runc bundle with the
//! exported profile, twenty times each. It works, and a call outside the profile is refused.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::bundle::Bundle;
use crate::support::{Need, callgate, have, told, tool};

const STARTS: usize = 20;

/// A folder that the host and the container know by the same path, with what was learned in it.
struct Learned {
    folder: TempDir,
    recording: PathBuf,
}

impl Learned {
    fn from(arguments: &[&str], folder: TempDir) -> Self {
        let recording = folder.path().join("recording.json");
        let output = callgate()
            .args(["record", "-o"])
            .arg(&recording)
            .arg("--")
            .args(arguments)
            .output()
            .expect("callgate runs");
        assert!(output.status.success(), "{}", told(&output));
        let learned = Self { folder, recording };
        learned.is_complete();
        learned
    }

    fn is_complete(&self) {
        let recording: Value =
            serde_json::from_str(&fs::read_to_string(&self.recording).expect("a recording")).expect("JSON");
        assert_eq!(recording["complete"], true, "{recording}");
        assert_eq!(recording["runs"][0]["backend"], "ebpf", "root has the rights for eBPF");
    }

    /// The policy, as text.
    fn gate(&self, options: &[&str]) -> PathBuf {
        self.derive("gate", options)
    }

    /// The profile for runc's `linux.seccomp`, with runc's own needs.
    fn oci(&self, options: &[&str]) -> Value {
        let path = self.derive("oci", &[options, &["--runtime", "runc"]].concat());
        serde_json::from_str(&fs::read_to_string(path).expect("a profile")).expect("JSON")
    }

    fn derive(&self, format: &str, options: &[&str]) -> PathBuf {
        let path = self.folder.path().join(format!("derived.{format}"));
        let output = callgate()
            .arg("derive")
            .arg(&self.recording)
            .args(["--to", format, "-o"])
            .arg(&path)
            .args(options)
            .output()
            .expect("callgate runs");
        assert!(output.status.success(), "{}", told(&output));
        path
    }
}

fn under(gate: &Path, arguments: &[&str]) -> Output {
    callgate().arg("run").arg(gate).arg("--").args(arguments).stdin(Stdio::null()).output().expect("callgate runs")
}

#[track_caller]
fn works(output: &Output, start: usize, said: &str) {
    assert!(output.status.success(), "start {start}: {}", told(output));
    assert!(String::from_utf8_lossy(&output.stdout).contains(said), "start {start}: {}", told(output));
}

#[track_caller]
fn is_refused(output: &Output) {
    let told = told(output);
    assert!(told.contains("Operation not permitted"), "{told}");
}

#[test]
fn coreutils() {
    if !have(&[Need::Root, Need::Tool("runc"), Need::Tool("ls")]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let shell = tool("sh").expect("a shell").display().to_string();
    let work = "ls -l /etc/passwd && sort /etc/passwd | head -n 1 && cp /etc/passwd \"$0\"/copy && rm \"$0\"/copy && echo done";
    let place = folder.path().display().to_string();
    let arguments = [shell.as_str(), "-c", work, &place];
    let learned = Learned::from(&arguments, folder);

    let gate = learned.gate(&[]);
    let mut bundle = Bundle::new(&learned.oci(&[]), &arguments, learned.folder.path());
    for start in 0..STARTS {
        works(&under(&gate, &arguments), start, "done");
        works(&bundle.run(), start, "done");
    }

    let outside = [shell.as_str(), "-c", "ls -l /etc/passwd && mkdir \"$0\"/new", &place];
    is_refused(&under(&gate, &outside));
    is_refused(&Bundle::new(&learned.oci(&[]), &outside, learned.folder.path()).run());
    assert!(!learned.folder.path().join("new").exists());
}

const PYTHON_WORK: &str = "
import hashlib, json, os, socket, subprocess, sys, tempfile, threading
place = sys.argv[1]
left, right = socket.socketpair()
left.send(b'x'); right.recv(1)
thread = threading.Thread(target=lambda: hashlib.sha256(b'y' * 100000).hexdigest())
thread.start(); thread.join()
with tempfile.NamedTemporaryFile('w+', dir=place) as file:
    json.dump(sorted(os.listdir('/etc'))[:3], file)
print(subprocess.run(['/bin/echo', 'from a child'], capture_output=True, text=True).stdout)
if sys.argv[2:] == ['outside']:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
server = socket.socket(socket.AF_INET); server.bind(('127.0.0.1', 0)); server.close()
print('done')
";

#[test]
fn a_python_script() {
    if !have(&[Need::Root, Need::Tool("runc"), Need::Tool("python3")]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let script = folder.path().join("work.py");
    fs::write(&script, PYTHON_WORK).expect("a file");
    let python = tool("python3").expect("python").display().to_string();
    let (script, place) = (script.display().to_string(), folder.path().display().to_string());
    let arguments = [python.as_str(), "-I", &script, &place];
    let learned = Learned::from(&arguments, folder);

    // With the arguments: the script opens AF_INET sockets, so the name alone would let AF_NETLINK through.
    let gate = learned.gate(&["--arguments"]);
    let profile = learned.oci(&["--arguments"]);
    let mut bundle = Bundle::new(&profile, &arguments, learned.folder.path());
    for start in 0..STARTS {
        works(&under(&gate, &arguments), start, "done");
        works(&bundle.run(), start, "done");
    }

    let outside = [python.as_str(), "-I", &script, &place, "outside"];
    is_refused(&under(&gate, &outside));
    is_refused(&Bundle::new(&profile, &outside, learned.folder.path()).run());
}

/// nginx on a port of loopback, its files in one folder.
struct Nginx {
    port: u16,
    configuration: PathBuf,
}

impl Nginx {
    fn new(folder: &Path) -> Self {
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
        let place = folder.display();
        let configuration = folder.join("nginx.conf");
        fs::write(folder.join("index.html"), "it works\n").expect("a file");
        // Everything nginx makes is made here while it is recorded: what the system's folders hold already would not be.
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path {place}/{kind}; "))
            .collect();
        let text = format!(
            "daemon off; user www-data; worker_processes 2; pid {place}/pid; error_log stderr;
             events {{ worker_connections 64; }}
             http {{ access_log {place}/access; {temporary} server {{ listen 127.0.0.1:{port}; root {place}; }} }}\n"
        );
        fs::write(&configuration, text).expect("a file");
        // The workers are another user.
        fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("permissions");
        Self { port, configuration }
    }

    fn arguments(&self) -> [String; 5] {
        let nginx = tool("nginx").expect("nginx").display().to_string();
        [nginx, "-e".to_owned(), "stderr".to_owned(), "-c".to_owned(), self.configuration.display().to_string()]
    }

    /// A few requests, once it listens.
    fn ask(&self, server: &mut Child) {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.try_wait().expect("a child") {
                let mut said = String::new();
                server.stderr.take().expect("stderr is piped").read_to_string(&mut said).expect("text");
                panic!("nginx ended with {status} before it listened:\n{said}");
            }
            assert!(Instant::now() < deadline, "nginx doesn't listen");
            sleep(Duration::from_millis(5));
        }
        for (path, status) in [("/", "200"), ("/index.html", "200"), ("/none", "404")] {
            let mut stream = TcpStream::connect(address).expect("nginx listens");
            write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("sent");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("an answer");
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {answer}");
        }
    }

    fn pid(&self) -> String {
        fs::read_to_string(self.configuration.with_file_name("pid")).expect("nginx wrote its pid").trim().to_owned()
    }
}

fn start(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts")
}

#[track_caller]
fn ends_well(server: Child, start: usize) {
    let output = server.wait_with_output().expect("a child");
    assert!(output.status.success(), "start {start}: {}", told(&output));
}

#[test]
fn nginx_under_requests() {
    if !have(&[Need::Root, Need::Tool("runc"), Need::Tool("nginx")]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let nginx = Nginx::new(folder.path());
    let arguments = nginx.arguments();

    let recording = folder.path().join("recording.json");
    let mut command = callgate();
    command.args(["record", "-o"]).arg(&recording).arg("--").args(&arguments);
    let mut server = start(command);
    nginx.ask(&mut server);
    assert!(Command::new("kill").args(["-QUIT", &nginx.pid()]).status().expect("kill runs").success());
    ends_well(server, 0);
    let learned = Learned { folder, recording };
    learned.is_complete();

    let gate = learned.gate(&[]);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let mut bundle = Bundle::new(&learned.oci(&[]), &arguments, learned.folder.path());
    for attempt in 0..STARTS {
        let mut command = callgate();
        command.arg("run").arg(&gate).arg("--").args(&arguments);
        let mut server = start(command);
        nginx.ask(&mut server);
        assert!(Command::new("kill").args(["-QUIT", &server.id().to_string()]).status().expect("kill runs").success());
        ends_well(server, attempt);

        let mut server = start(bundle.command());
        nginx.ask(&mut server);
        bundle.signal("QUIT");
        ends_well(server, attempt);
    }

    // nginx makes folders itself; it never makes a symbolic link.
    let link = tool("ln").expect("ln").display().to_string();
    let new = learned.folder.path().join("new").display().to_string();
    let outside = [link.as_str(), "-s", "target", &new];
    is_refused(&under(&gate, &outside));
    is_refused(&Bundle::new(&learned.oci(&[]), &outside, learned.folder.path()).run());
    assert!(fs::symlink_metadata(&new).is_err());
}
