//! Who makes a call, as `/proc` tells while the task waits in it.

use std::fs;

use callgate_profiles::recording::{First, Phase};

/// Of a task that makes its call of `phase`, `after` so many nanoseconds. `None` when it has ended.
pub(crate) fn first(task: u32, phase: Phase, after: u64, test: Option<&str>) -> Option<First> {
    let read = |name: &str| fs::read(format!("/proc/{task}/{name}")).ok();
    let status = read("status")?;
    let status = String::from_utf8_lossy(&status);
    let process = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()?;
    let comm = read("comm")?;
    // Before the first execve it still runs the recorder's own program. Whose memory may not be looked at has no name.
    let executable = fs::read_link(format!("/proc/{task}/exe")).ok().filter(|_| phase != Phase::Exec);
    Some(First {
        after,
        process,
        task,
        thread: String::from_utf8_lossy(comm.strip_suffix(b"\n").unwrap_or(&comm)).into_owned(),
        executable: executable.map(|path| path.display().to_string()),
        test: test.map(str::to_owned),
        stack: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_task_is_known() {
        let own = nix::unistd::gettid().as_raw().cast_unsigned();
        let found = first(own, Phase::Run, 7, Some("a::test")).expect("it runs");
        assert_eq!((found.process, found.task, found.after), (std::process::id(), own, 7));
        assert!(found.executable.is_some_and(|path| path.contains("callgate_tracer")));
        assert_eq!(found.test.as_deref(), Some("a::test"));
        // A thread's name, as the test harness gives it: 15 bytes at most.
        assert!("first::tests::this_task_is_known".starts_with(&found.thread), "{}", found.thread);
        assert_eq!(first(own, Phase::Exec, 7, None).and_then(|first| first.executable), None);
        assert_eq!(first(u32::MAX, Phase::Run, 0, None), None);
    }
}
