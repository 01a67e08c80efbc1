//! The listener of a seccomp filter: receives each call, and lets it go on.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;

/// `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP` (include/uapi/linux/seccomp.h, Linux 6.6): wake the other side on this CPU.
const SYNC_WAKE_UP: u64 = 1;

/// A call that waits for an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Notification {
    /// For the answer.
    id: u64,
    /// The calling task (thread), as this process's PID namespace numbers it.
    pub(super) task: u32,
    /// `seccomp_data.arch`.
    pub(super) arch: u32,
    /// `seccomp_data.nr`.
    pub(super) nr: u32,
    /// The argument words.
    pub(super) args: [u64; 6],
}

/// A listener and the buffers for one notification and one answer, as long as the kernel's structures are.
pub(super) struct Listener {
    descriptor: OwnedFd,
    request: Vec<u64>,
    answer: Vec<u64>,
}

impl Listener {
    /// Takes a listener. On a kernel that can, both sides are asked to run on one CPU, which is several times faster.
    pub(super) fn new(descriptor: OwnedFd) -> Result<Self, Errno> {
        let mut sizes = libc::seccomp_notif_sizes { seccomp_notif: 0, seccomp_notif_resp: 0, seccomp_data: 0 };
        // SAFETY: the kernel writes one `seccomp_notif_sizes`.
        let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_NOTIF_SIZES, 0, &raw mut sizes) };
        Errno::result(result)?;
        let buffer = |kernels: u16, ours: usize| vec![0; usize::from(kernels).max(ours).div_ceil(size_of::<u64>())];
        // An older kernel doesn't know the request; the recording is slower then.
        // SAFETY: the request takes its flags by value.
        unsafe { libc::ioctl(descriptor.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP) };
        Ok(Self {
            descriptor,
            request: buffer(sizes.seccomp_notif, size_of::<libc::seccomp_notif>()),
            answer: buffer(sizes.seccomp_notif_resp, size_of::<libc::seccomp_notif_resp>()),
        })
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// The next call. ENOENT: the task was killed or interrupted before it was received; EINTR: this process was.
    pub(super) fn receive(&mut self) -> Result<Notification, Errno> {
        // The kernel refuses a buffer that isn't zero.
        self.request.fill(0);
        // SAFETY: the buffer is as long as the kernel's structure, which is all it writes.
        let result = unsafe {
            libc::ioctl(self.descriptor.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, self.request.as_mut_ptr())
        };
        Errno::result(result)?;
        // SAFETY: the buffer is at least as long as the structure and aligned to 8, and every bit pattern is one of it.
        let notification = unsafe { &*self.request.as_ptr().cast::<libc::seccomp_notif>() };
        Ok(Notification {
            id: notification.id,
            task: notification.pid,
            arch: notification.data.arch,
            nr: notification.data.nr.cast_unsigned(),
            args: notification.data.args,
        })
    }

    /// Lets the call go on. A task that was killed meanwhile needs no answer: that is no error.
    pub(super) fn let_go(&mut self, notification: &Notification) -> Result<(), Errno> {
        self.answer(notification, 0, CONTINUE)
    }

    /// Makes the call return this errno, unexecuted. As with [`Self::let_go`], a dead task is no error.
    pub(super) fn refuse(&mut self, notification: &Notification, errno: u16) -> Result<(), Errno> {
        self.answer(notification, -i32::from(errno), 0)
    }

    fn answer(&mut self, notification: &Notification, error: i32, flags: u32) -> Result<(), Errno> {
        // SAFETY: the buffer is at least as long as the structure and aligned to 8, and every bit pattern is one of it.
        let answer = unsafe { &mut *self.answer.as_mut_ptr().cast::<libc::seccomp_notif_resp>() };
        answer.id = notification.id;
        answer.error = error;
        answer.flags = flags;
        loop {
            // SAFETY: the buffer is as long as the kernel's structure, which is all it reads.
            let result = unsafe {
                libc::ioctl(self.descriptor.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, self.answer.as_mut_ptr())
            };
            match Errno::result(result) {
                Ok(_) | Err(Errno::ENOENT) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

/// `SECCOMP_USER_NOTIF_FLAG_CONTINUE` (include/uapi/linux/seccomp.h, Linux 5.5).
const CONTINUE: u32 = 1;
