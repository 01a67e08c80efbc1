//! What is read of a mapped ELF file.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use framehop::ExplicitModuleSectionInfo;
use object::{Object, ObjectSection, ObjectSegment, ReadCache};

/// An ELF file, open: it may be gone from its folder, or stand in another mount namespace, when it is read.
#[derive(Debug)]
pub(crate) struct Elf {
    file: File,
    /// As the process that maps it names it.
    pub(crate) path: PathBuf,
}

impl Elf {
    pub(crate) fn new(file: File, path: PathBuf) -> Self {
        Self { file, path }
    }

    /// A name by which this process can open it again.
    pub(crate) fn descriptor(&self) -> PathBuf {
        Path::new("/proc/self/fd").join(self.file.as_raw_fd().to_string())
    }

    /// What has to be added to an address of the file to have the one in memory, when the file's byte `offset` is mapped to
    /// `start`; and the sections that describe frames.
    ///
    /// # Errors
    ///
    /// When it can't be read or isn't an ELF file, or no segment of it begins there.
    pub(crate) fn module(&self, start: u64, offset: u64) -> io::Result<(u64, ExplicitModuleSectionInfo<Arc<[u8]>>)> {
        let cache = ReadCache::new(self.file.try_clone()?);
        let elf = object::File::parse(&cache).map_err(io::Error::other)?;
        let segment = elf.segments().find(|segment| {
            let (first, length) = segment.file_range();
            (first..first.saturating_add(length)).contains(&offset) || (length > 0 && first & !0xfff == offset)
        });
        let segment = segment.ok_or(io::ErrorKind::InvalidData)?;
        let address = segment.address().wrapping_add(offset.wrapping_sub(segment.file_range().0));
        let section = |name: &str| elf.section_by_name(name);
        let range = |name: &str| section(name).map(|section| section.address()..section.address() + section.size());
        let data = |name: &str| section(name).and_then(|section| section.data().ok()).map(Arc::from);
        let sections = ExplicitModuleSectionInfo {
            base_svma: 0,
            text_svma: range(".text"),
            text: data(".text"),
            got_svma: range(".got"),
            eh_frame_svma: range(".eh_frame"),
            eh_frame: data(".eh_frame"),
            eh_frame_hdr_svma: range(".eh_frame_hdr"),
            eh_frame_hdr: data(".eh_frame_hdr"),
            debug_frame: data(".debug_frame"),
            ..ExplicitModuleSectionInfo::default()
        };
        Ok((start.wrapping_sub(address), sections))
    }
}
