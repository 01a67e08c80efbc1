//! Where results go. A file is written beside its place and renamed, so that a half-written one is never seen.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use tempfile::{Builder, NamedTempFile};

use crate::failure::Failure;

/// Whether what goes to a file of this name is compressed.
pub(crate) fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "zst")
}

/// Writes to a file, or to standard output for `None` and `-`. A name that ends in `.zst` asks for zstd.
pub(crate) fn write(path: Option<&Path>, bytes: &[u8]) -> Result<(), Failure> {
    match path {
        Some(path) if is_compressed(path) => write_file(path, &compress_to_vec(bytes, CompressionLevel::Fastest)),
        Some(path) if path != Path::new("-") => write_file(path, bytes),
        _ => match std::io::stdout().lock().write_all(bytes).and_then(|()| std::io::stdout().flush()) {
            // The reader has seen enough (`| head`).
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::new(format!("can't write to standard output: {error}"))),
            Ok(()) => Ok(()),
        },
    }
}

/// Whether [`write()`] will have a place to write to: asked before work that can't be repeated.
pub(crate) fn can_write(path: &Path) -> Result<(), Failure> {
    if path == Path::new("-") || is_special(path) {
        return Ok(());
    }
    beside(path).map(drop).map_err(|error| failed(path, &error))
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if is_special(path) {
        return fs::write(path, bytes).map_err(|error| failed(path, &error));
    }
    let write = || {
        let mut file = beside(path)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)
    };
    write().map(drop).map_err(|error| failed(path, &error))
}

/// What isn't a plain file (a pipe, /dev/null) can't be renamed over.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

fn beside(path: &Path) -> std::io::Result<NamedTempFile> {
    if path.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = fs::metadata(path).map_or(0o644, |metadata| metadata.permissions().mode());
    Builder::new().prefix(".callgate-").permissions(fs::Permissions::from_mode(mode)).tempfile_in(folder)
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("can't write {}: {error}", path.display()))
        .help("name a file in a folder that exists and that you may write to")
}
