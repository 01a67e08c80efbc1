//! nginx: a master, two workers, files in one folder.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use super::{End, Program, connected, free_port, shown};
use crate::support::tool;

pub(crate) fn nginx(folder: &Path) -> Program {
    let port = free_port();
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
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("permissions");
    let nginx = tool("nginx").expect("nginx").display().to_string();
    let arguments = vec![nginx, "-e".to_owned(), "stderr".to_owned(), "-c".to_owned(), shown(&configuration)];
    Program { name: "nginx", arguments, end: End::Signal("QUIT"), port: Some(port), ask }
}

/// A few requests.
fn ask(port: u16, patience: Duration) -> io::Result<()> {
    for (path, status) in [("/", "200"), ("/index.html", "200"), ("/none", "404")] {
        let mut stream = connected(port, patience)?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if !answer.starts_with(&format!("HTTP/1.1 {status}")) {
            return Err(io::Error::other(format!("{path}: {answer}")));
        }
    }
    Ok(())
}

/// The process to signal, of an nginx that isn't in a container.
pub(crate) fn pid(folder: &Path) -> String {
    let written = fs::read_to_string(folder.join("pid")).expect("nginx wrote its pid");
    // What it writes when getpid is refused is -1, and to signal that is to signal everybody.
    let pid: u32 = written.trim().parse().expect("a process id");
    pid.to_string()
}
