//! Python: sockets, a thread, files, a child.

use std::fs;
use std::path::Path;

use super::{Program, shown};
use crate::support::tool;

const WORK: &str = "
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

pub(crate) fn python(folder: &Path) -> Program {
    let script = folder.join("work.py");
    fs::write(&script, WORK).expect("a file");
    let python = tool("python3").expect("python").display().to_string();
    Program::alone("python", vec![python, "-I".to_owned(), shown(&script), shown(folder)])
}
