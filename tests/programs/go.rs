//! Go: goroutines, a server and its client, a file, a child.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Program, shown};
use crate::support::{told, tool};

const WORK: &str = r#"package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

func main() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	answer, err := http.Get(server.URL)
	check(err)
	_, err = io.ReadAll(answer.Body)
	check(err)
	server.Close()
	name := os.Args[1] + "/go"
	check(os.WriteFile(name, []byte("x"), 0o644))
	check(os.Remove(name))
	var wait sync.WaitGroup
	for i := 0; i < 8; i++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			work := make([][]byte, 0)
			for j := 0; j < 64; j++ {
				work = append(work, make([]byte, 1<<16))
				time.Sleep(time.Microsecond)
			}
			runtime.KeepAlive(work)
		}()
	}
	wait.Wait()
	runtime.GC()
	_, err = exec.Command("/bin/echo", "from a child").Output()
	check(err)
	fmt.Println("done")
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
"#;

pub(crate) fn go(folder: &Path) -> Program {
    let (source, program) = (folder.join("work.go"), folder.join("work"));
    fs::write(&source, WORK).expect("a file");
    let mut build = Command::new(tool("go").expect("go"));
    build.args(["build", "-o"]).arg(&program).arg(&source).current_dir(folder);
    build.env("GOCACHE", folder.join("cache")).env("GOFLAGS", "-mod=mod").env("GO111MODULE", "off");
    let output = build.output().expect("go runs");
    assert!(output.status.success(), "{}", told(&output));
    Program::alone("go", vec![shown(&program), shown(folder)])
}
