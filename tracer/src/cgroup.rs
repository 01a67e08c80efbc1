//! Control groups of the unified hierarchy (cgroup2), as scopes: where they are, what they are called, who is in them.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

/// A cgroup that exists, or existed when this was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    directory: PathBuf,
    path: String,
    id: u64,
    level: u32,
}

/// Why a cgroup can't be a scope. Each message ends with the next step.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// No cgroup2 file system is mounted.
    #[error("no cgroup2 file system is mounted\n  next: `mount -t cgroup2 cgroup2 /sys/fs/cgroup`, or use `--pid`")]
    NotMounted,
    /// The mount shows a part of the hierarchy that begins above this process's own root.
    #[error(
        "the cgroup2 file system at {mount} is of another cgroup namespace\n  \
         next: run callgate in the host's cgroup namespace (a container: `--cgroupns=host`), or use `--pid`",
        mount = .0.display()
    )]
    OtherNamespace(PathBuf),
    /// It isn't there, or can't be read.
    #[error(
        "can't use cgroup {path}: {error}\n  next: see `cat /proc/PID/cgroup`; the line that begins with `0::` names it",
        path = .path.display()
    )]
    Unreadable {
        /// The path that was given or found.
        path: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
    /// It is the root, where everything is.
    #[error(
        "process {0} is in the root of the cgroup2 hierarchy, where everything else is too\n  \
         next: use `--pid {0}`; on a host with both hierarchies the engine must be given cgroup2"
    )]
    Root(u32),
    /// No cgroup is a container's of this id.
    #[error(
        "no container `{0}` runs here\n  \
         next: give its id as `docker ps`, `podman ps`, `ctr containers list` or `runc list` shows it, or use `--cgroup`"
    )]
    NoContainer(String),
    /// Several are.
    #[error("`{id}` could be any of {}\n  next: give more of the id, or use `--cgroup`", .paths.join(", "))]
    SeveralContainers {
        /// What was asked for.
        id: String,
        /// The cgroups' paths.
        paths: Vec<String>,
    },
}

/// Where the hierarchy is mounted.
struct Mount {
    at: PathBuf,
    /// Components of its root in the kernel's hierarchy.
    depth: u32,
}

impl Mount {
    fn find() -> Result<Self, CgroupError> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(|_| CgroupError::NotMounted)?;
        // proc_pid_mountinfo(5): ID PARENT DEVICE ROOT POINT OPTIONS… - TYPE SOURCE OPTIONS
        let (root, at) = mounts
            .lines()
            .filter(|line| line.split(" - ").nth(1).is_some_and(|rest| rest.starts_with("cgroup2 ")))
            .find_map(|line| line.split(' ').nth(3).zip(line.split(' ').nth(4)))
            .ok_or(CgroupError::NotMounted)?;
        let at = PathBuf::from(at);
        let depth = depth(Path::new(root)).ok_or_else(|| CgroupError::OtherNamespace(at.clone()))?;
        Ok(Self { at, depth })
    }
}

/// How many names a path has; `None` when it goes up.
fn depth(path: &Path) -> Option<u32> {
    let mut names = 0;
    for component in path.components() {
        match component {
            Component::Normal(_) => names += 1,
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    Some(names)
}

impl Cgroup {
    /// The cgroup at `path`: in the hierarchy (`/docker/1f2e…`), or in the file system (`/sys/fs/cgroup/docker/1f2e…`).
    ///
    /// # Errors
    ///
    /// When there is none, or cgroup2 isn't mounted.
    pub fn at(path: &Path) -> Result<Self, CgroupError> {
        let mount = Mount::find()?;
        let inside = path.strip_prefix(&mount.at).or_else(|_| path.strip_prefix("/")).unwrap_or(path);
        let unreadable = |error| CgroupError::Unreadable { path: path.to_path_buf(), error };
        let below = depth(inside).ok_or_else(|| unreadable(io::ErrorKind::InvalidInput.into()))?;
        let directory = mount.at.join(inside);
        // A directory that isn't a cgroup has no such file.
        fs::metadata(directory.join("cgroup.procs")).map_err(unreadable)?;
        // The id is the number of the directory's node (fs/kernfs, kernfs_ino, on machines with 64 bits).
        let id = fs::metadata(&directory).map_err(unreadable)?.ino();
        let path = format!("/{}", inside.display());
        Ok(Self { directory, path, id, level: mount.depth + below })
    }

    /// The cgroup that a process is in.
    ///
    /// # Errors
    ///
    /// When the process is gone, is in the root, or cgroup2 isn't mounted.
    pub fn of_process(pid: u32) -> Result<Self, CgroupError> {
        let file = PathBuf::from(format!("/proc/{pid}/cgroup"));
        let text = fs::read_to_string(&file).map_err(|error| CgroupError::Unreadable { path: file, error })?;
        match text.lines().find_map(|line| line.strip_prefix("0::")) {
            None | Some("/") => Err(CgroupError::Root(pid)),
            Some(path) => Self::at(Path::new(path)),
        }
    }

    /// The cgroup of a container, by the id its engine gave it, or the beginning of that id, 4 characters at least.
    ///
    /// Known are the directories that runc, crun, Docker, containerd, CRI-O and Podman make, under cgroupfs and under
    /// systemd: `ID`, `libpod-ID`, `docker-ID.scope` and the like.
    ///
    /// # Errors
    ///
    /// When there is none, or several, or cgroup2 isn't mounted.
    pub fn of_container(id: &str) -> Result<(Self, String), CgroupError> {
        let mount = Mount::find()?;
        let mut exact = Vec::new();
        let mut beginning = Vec::new();
        let mut left = vec![mount.at.clone()];
        while let Some(directory) = left.pop() {
            for child in children(&directory) {
                match child.file_name().and_then(container_id) {
                    Some(found) if found == id => exact.push((child.clone(), found)),
                    Some(found) if id.len() >= 4 && is_hexadecimal(&found) && found.starts_with(id) => {
                        beginning.push((child.clone(), found));
                    }
                    _ => {}
                }
                left.push(child);
            }
        }
        let mut found = if exact.is_empty() { beginning } else { exact };
        match found.pop() {
            None => Err(CgroupError::NoContainer(id.to_owned())),
            Some((directory, id)) if found.is_empty() => Ok((Self::at(&directory)?, id)),
            Some(last) => {
                found.push(last);
                let mut paths: Vec<_> = found.iter().map(|(path, _)| path.display().to_string()).collect();
                paths.sort_unstable();
                Err(CgroupError::SeveralContainers { id: id.to_owned(), paths })
            }
        }
    }

    /// A new cgroup below the root of the hierarchy.
    ///
    /// # Errors
    ///
    /// When it can't be made.
    pub fn create(name: &str) -> Result<Self, CgroupError> {
        let directory = Mount::find()?.at.join(name);
        let made = DirBuilder::new().mode(0o755).create(&directory);
        made.map_err(|error| CgroupError::Unreadable { path: directory.clone(), error })?;
        Self::at(&directory)
    }

    /// Removes it, when nothing is in it, and its namesakes in the older hierarchies, which an engine makes along with it.
    pub fn remove(&self) {
        // A cgroup of a container that is being removed goes with it.
        let _ = fs::remove_dir(&self.directory);
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let older =
            mounts.lines().filter(|line| line.split(" - ").nth(1).is_some_and(|rest| rest.starts_with("cgroup ")));
        for mount in older.filter_map(|line| line.split(' ').nth(4)) {
            let _ = fs::remove_dir(Path::new(mount).join(self.path.trim_start_matches('/')));
        }
    }

    /// Its path in the hierarchy, `/` at the front.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The kernel's number for it.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// How many ancestors it has.
    #[must_use]
    pub fn level(&self) -> u32 {
        self.level
    }

    /// Whether a process is in it or below.
    #[must_use]
    pub fn is_populated(&self) -> bool {
        fs::read_to_string(self.directory.join("cgroup.events"))
            .is_ok_and(|events| events.lines().any(|line| line == "populated 1"))
    }

    /// The processes in it and below, by process id, as this process numbers them.
    #[must_use]
    pub fn processes(&self) -> BTreeSet<u32> {
        let mut processes = BTreeSet::new();
        let mut left = vec![self.directory.clone()];
        while let Some(directory) = left.pop() {
            let text = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
            // 0 stands for a process that this one's pid namespace doesn't show.
            processes.extend(text.lines().filter_map(|line| line.parse().ok()).filter(|&pid: &u32| pid != 0));
            left.extend(children(&directory));
        }
        processes
    }
}

fn children(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let directories = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut children: Vec<_> = directories.map(|entry| entry.path()).collect();
    children.sort_unstable();
    children
}

/// The id of the container whose cgroup has this name; `None` for a monitor's (`libpod-conmon-ID.scope`).
fn container_id(name: &OsStr) -> Option<String> {
    const ENGINES: [&str; 5] = ["libpod", "docker", "cri-containerd", "crio", "nerdctl"];
    let name = std::str::from_utf8(name.as_bytes()).ok()?;
    let name = name.strip_suffix(".scope").unwrap_or(name);
    let engines = ENGINES.iter().find_map(|engine| name.strip_prefix(engine)?.strip_prefix('-'));
    let id = engines.unwrap_or(name);
    (!id.is_empty() && !id.starts_with("conmon-")).then(|| id.to_owned())
}

fn is_hexadecimal(id: &str) -> bool {
    id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_known_by_their_cgroups() {
        let id = |name: &str| container_id(OsStr::new(name));
        for name in ["1f2e", "libpod-1f2e", "docker-1f2e.scope", "cri-containerd-1f2e.scope", "crio-1f2e.scope"] {
            assert_eq!(id(name).as_deref(), Some("1f2e"), "{name}");
        }
        assert_eq!(id("web").as_deref(), Some("web"));
        for monitor in ["libpod-conmon-1f2e.scope", "libpod-conmon-1f2e", "crio-conmon-1f2e.scope"] {
            assert_eq!(id(monitor), None, "{monitor}");
        }
    }

    #[test]
    fn depth_counts_names() {
        let depth = |path| depth(Path::new(path));
        assert_eq!((depth("/"), depth("/a"), depth("/a/b/"), depth("/../a")), (Some(0), Some(1), Some(2), None));
    }

    #[test]
    fn what_is_not_there_says_what_to_do() {
        for error in [Cgroup::at(Path::new("/no/such/cgroup")).unwrap_err(), Cgroup::of_container("zz").unwrap_err()] {
            assert!(error.to_string().contains("\n  next: "), "{error}");
        }
    }
}
