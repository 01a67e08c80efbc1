//! Words of memory that stay shared after fork, for a child that may not make a system call to say something.

use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicI64;

use nix::errno::Errno;

/// Zeroed words that this process and the children it forks from now on all see.
#[derive(Debug)]
pub(crate) struct SharedWords {
    words: NonNull<AtomicI64>,
    count: usize,
}

impl SharedWords {
    /// Maps `count` words.
    ///
    /// # Errors
    ///
    /// mmap(2)'s.
    pub(crate) fn new(count: usize) -> Result<Self, Errno> {
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no memory that is in use.
        let address = unsafe {
            libc::mmap(
                ptr::null_mut(),
                count * size_of::<AtomicI64>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        match NonNull::new(address.cast()) {
            Some(words) if address != libc::MAP_FAILED => Ok(Self { words, count }),
            _ => Err(Errno::last()),
        }
    }
}

impl Deref for SharedWords {
    type Target = [AtomicI64];

    fn deref(&self) -> &[AtomicI64] {
        // SAFETY: the mapping holds `count` words, page-aligned and zeroed, until drop, and they are only reached as atomics.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr(), self.count) }
    }
}

impl Drop for SharedWords {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and no reference into it outlives the value.
        unsafe { libc::munmap(self.words.as_ptr().cast(), self.count * size_of::<AtomicI64>()) };
    }
}
