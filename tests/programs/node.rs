//! Node: a server and its client, the thread pool, a worker, a child.

use std::fs;
use std::path::Path;

use super::{Program, shown};
use crate::support::tool;

const WORK: &str = "
const fs = require('fs'), http = require('http'), os = require('os'), crypto = require('crypto');
const { Worker } = require('worker_threads'), { execFile } = require('child_process');
const place = process.argv[2];
fs.writeFileSync(place + '/node', JSON.stringify(fs.readdirSync('/etc').slice(0, 3)));
fs.unlinkSync(place + '/node');
const server = http.createServer((_, response) => response.end(os.hostname())).listen(0, '127.0.0.1', () => {
  http.get({ port: server.address().port, host: '127.0.0.1', agent: false }, (response) => {
    response.resume();
    response.on('end', () => server.close(() => crypto.pbkdf2('a', 'b', 1000, 32, 'sha256', () => {
      new Worker('require(\"worker_threads\").parentPort.postMessage(1)', { eval: true }).on('exit', () =>
        execFile('/bin/echo', ['from a child'], (error) => { if (error) throw error; console.log('done'); }));
    })));
  });
});
";

pub(crate) fn node(folder: &Path) -> Program {
    let script = folder.join("work.js");
    fs::write(&script, WORK).expect("a file");
    let node = tool("node").expect("node").display().to_string();
    Program::alone("node", vec![node, shown(&script), shown(folder)])
}
