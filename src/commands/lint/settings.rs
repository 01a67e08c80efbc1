//! What is asked: the command line before callgate.toml before what is usual.

use std::path::{Path, PathBuf};

use callgate_grammar::SourceId;
use callgate_lint::{Config, Reading, Seen, Selector};
use clap::ValueEnum;

use crate::cli::{FailOn, Lint, ReadAs};
use crate::failure::Failure;
use crate::{input, policy, recordings};

const NAME: &str = "callgate.toml";
/// The configuration's own text is the only one of its sources.
pub(super) const CONFIG_SOURCE: SourceId = SourceId(0);

pub(super) struct Settings {
    pub(super) config: Config,
    /// The configuration's name and text.
    pub(super) file: Option<(String, String)>,
    /// What its paths are relative to.
    folder: PathBuf,
    pub(super) reading: Reading,
    pub(super) fail_on: FailOn,
}

impl Settings {
    pub(super) fn of(args: &Lint) -> Result<Self, Failure> {
        let here = std::env::current_dir()?;
        let path = args.config.clone().or_else(|| nearest(&here));
        let folder = path.as_deref().and_then(Path::parent).map_or_else(|| here.clone(), |folder| here.join(folder));
        let (mut config, file) = match &path {
            None => (Config::default(), None),
            Some(path) => {
                let text = input::read(path)?;
                let config = Config::read(&text).map_err(|error| Failure::from(error).in_file(path))?;
                let name = path.strip_prefix(&here).unwrap_or(path).display().to_string();
                (config, Some((name, text)))
            }
        };
        config.choose(Selector::list(&args.select)?, Selector::list(&args.ignore)?);
        let of_file = |failure: Failure| match &path {
            Some(path) => failure.in_file(path),
            None => failure,
        };
        let reading = reading(args, &config).map_err(of_file)?;
        let fail_on = fail_on(args, &config).map_err(of_file)?;
        Ok(Self { config, file, folder, reading, fail_on })
    }

    /// A file's name as the configuration's patterns mean it.
    pub(super) fn relative(&self, name: &str) -> String {
        let path = std::path::absolute(name).unwrap_or_else(|_| PathBuf::from(name));
        path.strip_prefix(&self.folder).unwrap_or(&path).display().to_string()
    }
}

/// `callgate.toml` in this folder or the nearest one above.
fn nearest(here: &Path) -> Option<PathBuf> {
    here.ancestors().map(|folder| folder.join(NAME)).find(|path| path.is_file())
}

fn reading(args: &Lint, config: &Config) -> Result<Reading, Failure> {
    let mut reading = Reading::default();
    let settings = &config.settings;
    reading.from = match args.from {
        Some(ReadAs::Foreign(format)) => Some(format),
        _ => None,
    };
    if let Some(engine) = args.engine {
        reading.engine = engine;
    } else if let Some(name) = &settings.engine {
        reading.engine = name.parse()?;
    }
    if let Some(text) = args.kernel.as_ref().or(settings.kernel.as_ref()) {
        reading.host.kernel = policy::kernel(text)?;
    }
    if let Some(libseccomp) = args.libseccomp {
        reading.host.libseccomp = libseccomp;
    } else if let Some(name) = &settings.libseccomp {
        reading.host.libseccomp = name.parse()?;
    }
    if let Some(names) = args.cap.as_ref().or(settings.cap.as_ref()) {
        reading.host.capabilities = policy::capabilities(names)?;
    }
    if !args.seen.is_empty() {
        reading.seen = Some(Seen::of([&recordings::read(&args.seen)?]));
    }
    let arch = if args.arch.is_empty() { &settings.arch } else { &args.arch };
    if !arch.is_empty() {
        let abis = policy::abis(arch)?;
        reading.host.machine = abis[0].native();
        reading.abis = Some(abis);
    }
    Ok(reading)
}

fn fail_on(args: &Lint, config: &Config) -> Result<FailOn, Failure> {
    match (args.fail_on, &config.settings.fail_on) {
        (Some(fail_on), _) => Ok(fail_on),
        (None, None) => Ok(FailOn::Error),
        (None, Some(name)) => FailOn::from_str(name, false).map_err(|_| {
            Failure::new(format!("`fail-on` can't be `{name}`")).help("it is error, warning, note or never")
        }),
    }
}
