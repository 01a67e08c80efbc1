//! The files that a process runs, by address.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use framehop::x86_64::UnwinderX86_64;
use framehop::{Module, Unwinder};
use procfs::process::{MMPermissions, MMapPath, Process};

use super::elf::Elf;

/// A file's device and inode: its name may mean another one elsewhere.
pub(crate) type FileId = (i32, i32, u64);

/// What a process executes.
#[derive(Debug)]
pub(crate) struct Image {
    /// Where its stack began at the execve.
    pub(crate) start_stack: u64,
    /// Executable memory that holds a file's bytes.
    code: Vec<Code>,
}

#[derive(Debug)]
struct Code {
    start: u64,
    end: u64,
    offset: u64,
    file: FileId,
}

impl Image {
    /// What `/proc` says of a process now; `None` when it has ended or may not be looked at.
    pub(crate) fn of(process: u32, files: &mut BTreeMap<FileId, Elf>) -> Option<Self> {
        let process = Process::new(process.try_into().ok()?).ok()?;
        let mut code = Vec::new();
        for map in process.maps().ok()? {
            let MMapPath::Path(path) = map.pathname else { continue };
            if !map.perms.contains(MMPermissions::EXECUTE) {
                continue;
            }
            let (start, end) = map.address;
            let id = (map.dev.0, map.dev.1, map.inode);
            if let Entry::Vacant(unknown) = files.entry(id) {
                let Some(file) = open(process.pid, (start, end), &path) else { continue };
                unknown.insert(Elf::new(file, path));
            }
            code.push(Code { start, end, offset: map.offset, file: id });
        }
        // After the maps, so that they belong to the program whose stack begins there.
        let start_stack = process.stat().ok()?.startstack;
        Some(Self { start_stack, code })
    }

    /// With what its files say. What can't be read is left out.
    pub(crate) fn load<'files>(&self, files: &'files BTreeMap<FileId, Elf>) -> Loaded<'files> {
        let mut unwinder = UnwinderX86_64::new();
        let mut places = Vec::new();
        for code in &self.code {
            let Some(elf) = files.get(&code.file) else { continue };
            let Ok((bias, sections)) = elf.module(code.start, code.offset) else { continue };
            unwinder.add_module(Module::new(String::new(), code.start..code.end, bias, sections));
            places.push((code.start..code.end, bias, elf));
        }
        Loaded { unwinder, places }
    }
}

/// An image that can be unwound.
pub(crate) struct Loaded<'files> {
    pub(crate) unwinder: UnwinderX86_64<Arc<[u8]>>,
    /// Of each file: where its code is, and how far from where the file states it.
    places: Vec<(Range<u64>, u64, &'files Elf)>,
}

impl Loaded<'_> {
    /// The file of an address, and the address as the file states it.
    pub(crate) fn place(&self, address: u64) -> Option<(&Elf, u64)> {
        let (_, bias, elf) = self.places.iter().find(|(range, ..)| range.contains(&address))?;
        Some((elf, address.wrapping_sub(*bias)))
    }
}

/// Where the stack of the program begins that a process executes now.
pub(crate) fn start_stack(process: u32) -> Option<u64> {
    Some(Process::new(process.try_into().ok()?).ok()?.stat().ok()?.startstack)
}

/// The mapped file itself, whatever its name means by now; else the one of that name where the process stands.
fn open(process: i32, (start, end): (u64, u64), path: &Path) -> Option<File> {
    let mapped = format!("/proc/{process}/map_files/{start:x}-{end:x}");
    let named = || {
        let mut root = std::ffi::OsString::from(format!("/proc/{process}/root"));
        root.push(path);
        File::open(root)
    };
    File::open(mapped).or_else(|_| named()).ok()
}
