//! The recorder of one container: a process of its own, started by one hook and waited for by the other.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use callgate_tracer::cgroup::Cgroup;

use crate::failure::Failure;
use crate::output;

/// How long poststop waits for the recording to be written, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(20);

/// What belongs to one container in the folder of recordings.
pub(super) struct Recorder {
    folder: PathBuf,
    id: String,
}

impl Recorder {
    pub(super) fn new(folder: &Path, id: &str) -> Result<Self, Failure> {
        if id.is_empty() || id.starts_with('.') || id.contains(['/', '\0']) {
            return Err(Failure::new(format!("`{id}` can't be a container's id: it can't be a file's name")));
        }
        Ok(Self { folder: folder.to_path_buf(), id: id.to_owned() })
    }

    /// Starts it, and returns once nothing is missed.
    pub(super) fn start(&self, pid: u32, bundle: &Path, since: &str) -> Result<(), Failure> {
        if pid == 0 {
            return Err(Failure::new(format!("container {} has no process yet", self.id))
                .help("call it as a createRuntime hook; createContainer and startContainer run inside the container"));
        }
        let cgroup = Cgroup::of_process(pid)?;
        let cannot = |what: &str, error: std::io::Error| Failure::new(format!("can't {what}: {error}"));
        fs::create_dir_all(&self.folder).map_err(|error| cannot("make the folder of recordings", error))?;
        let log = File::create(self.log()).map_err(|error| cannot("write into the folder of recordings", error))?;
        let this = std::env::current_exe().map_err(|error| cannot("find this program", error))?;
        let mut command = Command::new(this);
        command.args(["record", "--from-hook", &self.id, "--since", since, "--cgroup", cgroup.path(), "--bundle"]);
        command.arg(bundle).arg("-o").arg(self.place()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut recorder = command.spawn().map_err(|error| cannot("start the recorder", error))?;
        let mut said = String::new();
        if let Some(output) = recorder.stdout.take() {
            BufReader::new(output).read_line(&mut said).map_err(|error| cannot("hear from the recorder", error))?;
        }
        if said.trim() == "ready" {
            return output::write(Some(&self.marker()), format!("{}\n", recorder.id()).as_bytes());
        }
        // It has nothing else to do than to end.
        let _ = recorder.wait();
        let why = fs::read_to_string(self.log()).unwrap_or_default();
        let _ = fs::remove_file(self.log());
        Err(Failure::new(format!("container {} can't be recorded: {}", self.id, why.trim())))
    }

    /// Waits until it has written its recording, and says what it said.
    pub(super) fn wait_for(&self) -> Result<(), Failure> {
        let Ok(pid) = fs::read_to_string(self.marker()) else {
            return Err(Failure::new(format!("nobody records container {}", self.id))
                .help("call it as a createRuntime hook too, with the same --into"));
        };
        let deadline = Instant::now() + PATIENCE;
        while self.is_recorded_by(pid.trim()) {
            if Instant::now() > deadline {
                return Err(Failure::new(format!(
                    "the recorder of container {} ({}) doesn't end",
                    self.id,
                    pid.trim()
                ))
                .help("something else may be left in the container's cgroup; SIGTERM ends the recorder"));
            }
            sleep(LOOK);
        }
        let _ = fs::remove_file(self.marker());
        eprint!("{}", fs::read_to_string(self.log()).unwrap_or_default());
        let _ = fs::remove_file(self.log());
        Ok(())
    }

    /// Whether this process records the container: the number may have been given to another since.
    fn is_recorded_by(&self, pid: &str) -> bool {
        let words = fs::read(Path::new("/proc").join(pid).join("cmdline")).unwrap_or_default();
        let mut words = words.split(|&byte| byte == 0);
        words.any(|word| word == b"--from-hook") && words.next() == Some(self.id.as_bytes())
    }

    /// Where the recording goes: a container that is started again has one for each time.
    fn place(&self) -> PathBuf {
        let named = |name: String| self.folder.join(name);
        let again = (2..).map(|time: u32| named(format!("{}-{time}.json", self.id)));
        let mut places = [named(format!("{}.json", self.id))].into_iter().chain(again);
        places.find(|place| !place.exists()).unwrap_or_else(|| named(format!("{}.json", self.id)))
    }

    fn marker(&self) -> PathBuf {
        self.folder.join(format!(".{}.recorder", self.id))
    }

    fn log(&self) -> PathBuf {
        self.folder.join(format!(".{}.log", self.id))
    }
}
