//! Notes in files: something to test.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Writes a note into a folder that is there.
pub fn save(folder: &Path, name: &str, text: &str) -> io::Result<PathBuf> {
    let path = folder.join(name);
    fs::write(&path, text)?;
    Ok(path)
}

/// Moves a note to where it isn't in the way.
pub fn archive(note: &Path) -> io::Result<PathBuf> {
    let folder = note.with_extension("archive");
    fs::create_dir(&folder)?;
    let place = folder.join("note");
    fs::rename(note, &place)?;
    Ok(place)
}
