//! The JVM: threads, garbage, a server and its client, a file, a child.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Program, shown};
use crate::support::{told, tool};

const WORK: &str = r#"
import java.net.*;
import java.nio.file.*;
import java.util.*;
import java.util.stream.*;

public class Work {
    public static void main(String[] arguments) throws Exception {
        Path place = Path.of(arguments[0], "jvm");
        Files.writeString(place, "x");
        Files.delete(place);
        try (ServerSocket server = new ServerSocket(0, 5, InetAddress.getByName("127.0.0.1"))) {
            Thread thread = new Thread(() -> {
                try (Socket one = server.accept()) { one.getOutputStream().write(1); } catch (Exception e) { throw new RuntimeException(e); }
            });
            thread.start();
            try (Socket other = new Socket("127.0.0.1", server.getLocalPort())) { other.getInputStream().read(); }
            thread.join();
        }
        List<byte[]> garbage = new ArrayList<>();
        for (int i = 0; i < 400; i++) { garbage.add(new byte[1 << 18]); if (i % 50 == 0) garbage.clear(); }
        long sum = IntStream.range(0, 1_000_000).parallel().mapToLong(i -> i).sum();
        Process child = new ProcessBuilder("/bin/echo", "from a child").start();
        child.getInputStream().readAllBytes();
        child.waitFor();
        System.out.println("done " + sum);
    }
}
"#;

pub(crate) fn jvm(folder: &Path) -> Program {
    let source = folder.join("Work.java");
    fs::write(&source, WORK).expect("a file");
    let output =
        Command::new(tool("javac").expect("javac")).arg("-d").arg(folder).arg(&source).output().expect("javac runs");
    assert!(output.status.success(), "{}", told(&output));
    let java = tool("java").expect("java").display().to_string();
    // Without its shared file of counters, which it would put into a folder that the container lacks.
    let options = ["-XX:-UsePerfData", "-Xmx128m", "-cp"].map(str::to_owned);
    let arguments = [java].into_iter().chain(options).chain([shown(folder), "Work".to_owned(), shown(folder)]);
    Program::alone("jvm", arguments.collect())
}
