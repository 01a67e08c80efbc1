//! Policies as people give them: files of any format that can be read, standard input, `-e` options, and what they `use`.

mod compressed;
mod foreign;

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use callgate_compiler::lower::Unit;
use callgate_grammar::tree::{StatementKind, UseTarget};
use callgate_grammar::{Diagnostic, SourceId, Sources, Span, did_you_mean, parse};
use callgate_profiles::engine::{Engine, Host};
use callgate_profiles::import::bpf::RawFilter;
use callgate_profiles::shipped::{shipped, shipped_names};

use crate::cli::ReadAs;
use crate::failure::Failure;

pub(crate) use foreign::{included, native_endian, raw, select};

/// Every text of a policy, parsed, and what the parser had to say.
pub(crate) struct Loaded {
    pub(crate) sources: Sources,
    pub(crate) units: Vec<Unit>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Texts of other formats. They name calls that an ABI lacks as a matter of course.
    pub(crate) translated: Vec<SourceId>,
}

/// How files of other formats are read.
pub(crate) struct Reading {
    /// What they are, instead of what they look like.
    pub(crate) from: Option<ReadAs>,
    /// Whose reading counts.
    pub(crate) engine: Engine,
    /// Where that engine runs.
    pub(crate) host: Host,
    /// Where what they include is looked for besides.
    pub(crate) include_dirs: Vec<PathBuf>,
}

/// Reads and parses files and `-e` statements, then the files they `use`, each file once.
///
/// Files of other formats are translated first: by what they look like, or as `--from` says.
pub(crate) fn load(files: &[PathBuf], statements: &[String], reading: &Reading) -> Result<Loaded, Failure> {
    load_beside(Sources::default(), files, statements, reading)
}

/// As [`load`], with the texts of other policies, so that spans into all of them go together.
pub(crate) fn load_beside(
    sources: Sources,
    files: &[PathBuf],
    statements: &[String],
    reading: &Reading,
) -> Result<Loaded, Failure> {
    if files.is_empty() && statements.is_empty() {
        return Err(Failure::new("no policy given").help(
            "name a file (`web.gate`, `-` for standard input), or write statements: `-e deny:all -e allow:read`",
        ));
    }
    let mut loader = Loader { sources, include_dirs: reading.include_dirs.clone(), ..Loader::default() };
    for statement in statements {
        loader.parse("-e", statement.clone(), 0, 0);
    }
    for file in files {
        let (file, selector) = select(file);
        let file = file.as_path();
        let bytes = read_bytes(file)?;
        let scope = loader.next_scope();
        let name = file.display().to_string();
        if let Some(filter) = raw(file, &bytes, reading.from)? {
            let id = loader.import_filter(&name, &filter, scope);
            loader.files.insert(identity(file), id);
            continue;
        }
        let text = text_of(&shown_name(file), bytes)?;
        let id = match foreign::format(&text, reading.from)? {
            Some(format) => {
                let document = foreign::File { path: file, text, selector };
                loader.import(format, &document, reading, scope)
            }
            None => loader.parse(&name, text, 1, scope),
        };
        loader.files.insert(identity(file), id);
        loader.folders.insert(id, file.parent().map(Path::to_path_buf).unwrap_or_default());
    }
    loader.follow();
    Ok(loader.loaded())
}

/// A program that is already here, such as a process's filter.
pub(crate) fn load_program(name: &str, filter: &RawFilter) -> Loaded {
    let mut loader = Loader::default();
    loader.import_filter(name, filter, 1);
    loader.loaded()
}

/// A text that is already here, such as a derived policy.
pub(crate) fn load_text(name: &str, text: String) -> Loaded {
    let mut loader = Loader::default();
    loader.parse(name, text, 1, 1);
    loader.loaded()
}

/// A policy's text that is already here, with what it uses from where its file is.
pub(crate) fn load_text_at(path: &Path, text: String) -> Loaded {
    let mut loader = Loader::default();
    let scope = loader.next_scope();
    let id = loader.parse(&path.display().to_string(), text, 1, scope);
    loader.files.insert(identity(path), id);
    loader.folders.insert(id, path.parent().map(Path::to_path_buf).unwrap_or_default());
    loader.follow();
    loader.loaded()
}

/// Texts that are already here, nearest layer first, under `-e` statements.
pub(crate) fn load_layers(name: &str, texts: Vec<String>, statements: &[String]) -> Loaded {
    let mut loader = Loader::default();
    for statement in statements {
        loader.parse("-e", statement.clone(), 0, 0);
    }
    for text in texts {
        let scope = loader.next_scope();
        loader.parse(name, text, scope, scope);
    }
    loader.follow();
    loader.loaded()
}

/// The text of a file or of standard input (`-`).
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    text_of(&shown_name(path), read_bytes(path)?)
}

/// The bytes of a file, of standard input (`-`), or of a shipped policy (`@docker-default`) whose name no file has; of what is
/// compressed with zstd, what it holds.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path).or_else(|error| match shipped_at(path) {
            // A file that is there and can't be read is not replaced.
            Some(text) if error.kind() == ErrorKind::NotFound => Ok(text.as_bytes().to_vec()),
            _ => Err(error),
        })
    };
    let bytes = bytes.map_err(|error| match path.to_str().and_then(|name| name.strip_prefix('@')) {
        Some(name) if error.kind() == ErrorKind::NotFound => no_such_policy(name),
        _ => {
            Failure::new(format!("can't read {}: {error}", shown_name(path))).help("check the name and its permissions")
        }
    })?;
    if compressed::is_compressed(&bytes) { compressed::read(&shown_name(path), &bytes) } else { Ok(bytes) }
}

/// The shipped policy that a word stands for.
fn shipped_at(path: &Path) -> Option<&'static str> {
    shipped(path.to_str()?.strip_prefix('@')?)
}

fn no_such_policy(name: &str) -> Failure {
    let help = match did_you_mean(name, shipped_names()) {
        Some(near) => format!("did you mean `@{near}`?"),
        None => format!("there are {}", all_shipped()),
    };
    Failure::new(format!("no policy named `@{name}` is shipped, and there is no such file")).help(help)
}

fn all_shipped() -> String {
    let names: Vec<_> = shipped_names().map(|name| format!("`@{name}`")).collect();
    names.join(", ")
}

/// Whether what was read from there can be written back: it is a file.
pub(crate) fn is_file(path: &Path) -> bool {
    path != Path::new("-") && path.exists()
}

pub(crate) fn shown_name(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

pub(crate) fn text_of(name: &str, bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].iter().filter(|&&byte| byte == b'\n').count() + 1;
        Failure::new(format!("{name} is not text: line {line} has bytes that are not UTF-8 (at byte {at})"))
            .help("save it as UTF-8")
    })
}

#[derive(Default)]
struct Loader {
    sources: Sources,
    units: Vec<Unit>,
    diagnostics: Vec<Diagnostic>,
    translated: Vec<SourceId>,
    /// Files that were read, by identity.
    files: BTreeMap<PathBuf, SourceId>,
    /// Where else included files of other formats may be.
    include_dirs: Vec<PathBuf>,
    /// Where relative `use:` paths of a source start.
    folders: BTreeMap<SourceId, PathBuf>,
    /// Which statement brought a source in.
    used_by: BTreeMap<SourceId, Span>,
    scopes: u32,
}

impl Loader {
    fn loaded(self) -> Loaded {
        let Self { sources, units, diagnostics, translated, .. } = self;
        Loaded { sources, units, diagnostics, translated }
    }

    fn next_scope(&mut self) -> u32 {
        self.scopes += 1;
        self.scopes
    }

    fn parse(&mut self, name: &str, text: String, layer: u32, scope: u32) -> SourceId {
        let id = self.sources.add(name, text);
        let (file, diagnostics) = parse(id, &self.sources.get(id).text);
        self.diagnostics.extend(diagnostics);
        self.units.push(Unit { source: id, file, layer, scope });
        id
    }

    /// Reads what is used, layer by layer.
    fn follow(&mut self) {
        let mut waiting: VecDeque<usize> = (0..self.units.len()).collect();
        while let Some(index) = waiting.pop_front() {
            let unit = &self.units[index];
            let (source, layer) = (unit.source, unit.layer);
            let uses: Vec<_> = unit
                .file
                .statements
                .iter()
                .filter_map(|statement| match &statement.node {
                    StatementKind::Use(targets) => Some(targets.clone()),
                    _ => None,
                })
                .flatten()
                .collect();
            for target in uses {
                let path = match &target.node {
                    UseTarget::Path(path) => path,
                    UseTarget::Shipped(name) => {
                        if self.include_shipped(name, target.span, layer + 1) {
                            waiting.push_back(self.units.len() - 1);
                        }
                        continue;
                    }
                };
                let folder = self.folders.get(&source).cloned().unwrap_or_default();
                if self.include(&folder.join(path), target.span, source, layer + 1) {
                    waiting.push_back(self.units.len() - 1);
                }
            }
        }
    }

    /// Brings in a policy that callgate ships, once. Says whether it did.
    fn include_shipped(&mut self, name: &str, span: Span, layer: u32) -> bool {
        // No file can have this name: it isn't absolute, and identities are.
        let identity = PathBuf::from(format!("@{name}"));
        if self.files.contains_key(&identity) {
            return false;
        }
        let Some(text) = shipped(name) else {
            let error = Diagnostic::error("unknown-policy", format!("no shipped policy is called `@{name}`"));
            let help = match did_you_mean(name, shipped_names()) {
                Some(near) => format!("did you mean `@{near}`?"),
                None => format!("there are {}; a file is read with `use: \"base.gate\"`", all_shipped()),
            };
            self.diagnostics.push(error.at(span, "").help(help));
            return false;
        };
        let scope = self.next_scope();
        let id = self.parse(&format!("@{name}"), text.to_owned(), layer, scope);
        self.files.insert(identity, id);
        self.used_by.insert(id, span);
        true
    }

    /// Reads one used file. Says whether it brought in a text.
    fn include(&mut self, path: &Path, span: Span, from: SourceId, layer: u32) -> bool {
        let identity = identity(path);
        if let Some(&seen) = self.files.get(&identity) {
            if self.is_within(from, seen) {
                let mut error = Diagnostic::error("use-cycle", format!("{} uses itself", path.display()))
                    .at(span, "used again here");
                let mut at = from;
                while at != seen
                    && let Some(used) = self.used_by.get(&at)
                {
                    error = error.at(*used, "by way of this");
                    at = used.source;
                }
                self.diagnostics.push(error.help("take one of the `use:` statements away"));
            }
            return false;
        }
        match read(path) {
            Ok(text) => {
                let scope = self.next_scope();
                let id = self.parse(&path.display().to_string(), text, layer, scope);
                self.files.insert(identity, id);
                self.folders.insert(id, path.parent().map(Path::to_path_buf).unwrap_or_default());
                self.used_by.insert(id, span);
                true
            }
            Err(failure) => {
                let message = failure.to_string();
                let message = message.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
                self.diagnostics.push(
                    Diagnostic::error("unreadable-use", message)
                        .at(span, "needed here")
                        .help("paths are relative to the file that uses them"),
                );
                false
            }
        }
    }

    /// Whether `source` is `ancestor` or was brought in by it.
    fn is_within(&self, source: SourceId, ancestor: SourceId) -> bool {
        let mut at = source;
        loop {
            if at == ancestor {
                return true;
            }
            match self.used_by.get(&at) {
                Some(span) => at = span.source,
                None => return false,
            }
        }
    }
}

/// The same file has the same identity whatever its path looks like.
pub(crate) fn identity(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}
