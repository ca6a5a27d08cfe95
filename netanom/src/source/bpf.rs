//! What aya lacks for pinned links: to detach one at once (`BPF_LINK_DETACH`), and on which interface it is.
//!
//! Removing its name would do it too, but only after the kernel's next grace period and on a thread of its own.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// Of `enum bpf_cmd` (include/uapi/linux/bpf.h).
const OBJECT_GET: libc::c_long = 7;
const LINK_DETACH: libc::c_long = 34;

/// The part for `BPF_OBJ_GET` of `union bpf_attr`.
#[repr(C)]
#[derive(Default)]
struct ObjectAttributes {
    path: u64,
    descriptor: u32,
    flags: u32,
}

/// The part for `BPF_LINK_DETACH` of `union bpf_attr`.
#[repr(C)]
struct DetachAttributes {
    link: u32,
}

/// Detaches the link that is pinned at `path`; its name stays. One whose interface is gone is detached already.
///
/// # Errors
/// What the kernel answers: `EACCES` without access to the file, `EINVAL` when it is no link.
pub(super) fn detach(path: &Path) -> io::Result<()> {
    let link = open(path)?;
    let mut detach = DetachAttributes {
        link: link.as_raw_fd() as u32,
    };
    // SAFETY: the attributes hold no address.
    unsafe { call(LINK_DETACH, &mut detach) }?;
    Ok(())
}

/// The index of the interface that the link pinned at `path` is on; 0 when that is gone.
///
/// # Errors
/// What the kernel answers, or when `/proc` is not there or does not tell.
pub(super) fn interface_of(path: &Path) -> io::Result<u32> {
    let link = open(path)?;
    // In bytes of proc(5), as the same in `struct bpf_link_info` has another place for each type of link.
    let about = fs::read_to_string(format!("/proc/self/fdinfo/{}", link.as_raw_fd()))?;
    let index = about.lines().find_map(|line| line.strip_prefix("ifindex:"));
    let index = index.and_then(|index| index.trim().parse().ok());
    index.ok_or_else(|| io::Error::other("the kernel does not tell the link's interface"))
}

/// The path's last part is not followed: the kernel itself would go wherever a symbolic link leads.
fn open(path: &Path) -> io::Result<OwnedFd> {
    let pinned = rustix::fs::open(
        path,
        OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let path = CString::new(format!("/proc/self/fd/{}", pinned.as_raw_fd()))?;
    let mut object = ObjectAttributes {
        path: path.as_ptr() as u64,
        ..ObjectAttributes::default()
    };
    // SAFETY: the path is a live string that ends with a zero, and the kernel writes nothing.
    let link = unsafe { call(OBJECT_GET, &mut object) }?;
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(link) })
}

/// # Safety
/// Every address in the attributes must be of live memory that the command may use as it does.
unsafe fn call<T>(command: libc::c_long, attributes: &mut T) -> io::Result<i32> {
    // SAFETY: the attributes are live and of the size that is given; the caller vouches for what they point to.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_mut(attributes),
            size_of::<T>(),
        )
    };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(answer as i32)
}
