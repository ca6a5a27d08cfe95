//! Sends frames on an interface at their times.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, bind, send, socket};
use thiserror::Error;

use super::interface::TestInterface;
use super::timeline::TimedFrame;
use crate::flow::Timestamp;

/// What the sender asks for the time; the caller has the clocks.
pub trait Clock {
    /// Time since some moment, never going back.
    fn elapsed(&self) -> Duration;
    /// The time of day.
    fn wall(&self) -> Timestamp;
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Frames.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When the first frame was given to the kernel, by the wall clock; none when nothing was sent.
    pub first: Option<Timestamp>,
    /// When the last one was.
    pub last: Option<Timestamp>,
}

/// Why frames could not be sent.
#[derive(Debug, Error)]
pub enum SendError {
    /// Raw packets need a privilege.
    #[error("sending raw frames on `{interface}` needs the capability CAP_NET_RAW; run as root")]
    NoPrivilege {
        /// Which interface.
        interface: String,
    },
    /// The socket cannot be had.
    #[error("cannot open a packet socket on `{interface}`")]
    Open {
        /// Which interface.
        interface: String,
        /// Why.
        source: Errno,
    },
    /// The interface disappeared between the check and the opening.
    #[error("there is no interface `{interface}` any more")]
    Gone {
        /// Which interface.
        interface: String,
    },
    /// A frame does not fit the interface.
    #[error(
        "a frame of {length} bytes is too long for `{interface}`; its MTU must be 1500: `ip link set {interface} mtu 1500`"
    )]
    TooLong {
        /// Which interface.
        interface: String,
        /// Bytes of the frame.
        length: usize,
    },
    /// The kernel refused a frame.
    #[error("cannot send on `{interface}` after {sent} frames")]
    Send {
        /// Which interface.
        interface: String,
        /// Frames that were sent before.
        sent: u64,
        /// Why.
        source: Errno,
    },
}

/// The longest sleep, after which it is looked whether to stop.
const LONGEST_SLEEP: Duration = Duration::from_millis(50);
/// The kernel wakes up about this late, so shorter waits are not slept.
const SHORTEST_SLEEP: Duration = Duration::from_micros(60);
/// How long to wait when the interface's queue is full.
const QUEUE_FULL: Duration = Duration::from_micros(100);

/// An open packet socket on one interface.
pub struct Sender {
    interface: String,
    socket: OwnedFd,
}

impl Sender {
    /// Opens a packet socket (`man 7 packet`) on the interface.
    ///
    /// # Errors
    /// When there is no privilege, or the interface is gone.
    pub fn open(interface: &TestInterface) -> Result<Self, SendError> {
        let name = interface.name().to_owned();
        let open = |source| match source {
            Errno::EPERM | Errno::EACCES => SendError::NoPrivilege {
                interface: name.clone(),
            },
            source => SendError::Open {
                interface: name.clone(),
                source,
            },
        };
        // Without a protocol it receives nothing.
        let socket = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            None,
        )
        .map_err(open)?;
        let address = link_address(&name)
            .map_err(open)?
            .ok_or_else(|| SendError::Gone {
                interface: name.clone(),
            })?;
        bind(socket.as_raw_fd(), &address).map_err(open)?;
        Ok(Self {
            interface: name,
            socket,
        })
    }

    /// Sends `frames` with the distances in time that they have, until they or `stop` end. `progress` hears of each
    /// frame, with the time that has passed in the traffic.
    ///
    /// A sender that is late does not wait: it catches up.
    ///
    /// # Errors
    /// When the kernel refuses a frame. What was sent before is in the error.
    pub fn send(
        &self,
        frames: impl Iterator<Item = TimedFrame>,
        clock: &dyn Clock,
        stop: &AtomicBool,
        mut progress: impl FnMut(Duration),
    ) -> Result<Sent, SendError> {
        let mut sent = Sent::default();
        let begun = clock.elapsed();
        let mut start = None;
        for frame in frames {
            let due = frame.at.since(*start.get_or_insert(frame.at));
            if !wait_until(begun + due, clock, stop) {
                break;
            }
            if !self.put(&frame.bytes, sent.frames, stop)? {
                break;
            }
            let now = clock.wall();
            sent.first.get_or_insert(now);
            sent.last = Some(now);
            sent.frames += 1;
            sent.bytes += frame.bytes.len() as u64;
            progress(due);
        }
        Ok(sent)
    }

    /// Sends one frame, as soon as the queue has room for it; false when told to stop before.
    fn put(&self, frame: &[u8], sent: u64, stop: &AtomicBool) -> Result<bool, SendError> {
        let interface = || self.interface.clone();
        loop {
            match send(self.socket.as_raw_fd(), frame, MsgFlags::empty()) {
                Ok(_) => return Ok(true),
                // The kernel has dropped the frame, so it is sent anew.
                Err(Errno::ENOBUFS | Errno::EAGAIN) if stop.load(Ordering::Relaxed) => {
                    return Ok(false);
                }
                Err(Errno::ENOBUFS | Errno::EAGAIN) => thread::sleep(QUEUE_FULL),
                Err(Errno::EINTR) => {}
                Err(Errno::EMSGSIZE) => {
                    return Err(SendError::TooLong {
                        interface: interface(),
                        length: frame.len(),
                    });
                }
                Err(source) => {
                    return Err(SendError::Send {
                        interface: interface(),
                        sent,
                        source,
                    });
                }
            }
        }
    }
}

/// Waits; false when told to stop.
fn wait_until(due: Duration, clock: &dyn Clock, stop: &AtomicBool) -> bool {
    while !stop.load(Ordering::Relaxed) {
        let left = due.saturating_sub(clock.elapsed());
        if left < SHORTEST_SLEEP {
            return true;
        }
        thread::sleep(left.min(LONGEST_SLEEP));
    }
    false
}

fn link_address(interface: &str) -> Result<Option<LinkAddr>, Errno> {
    let found = getifaddrs()?
        .filter(|address| address.interface_name == interface)
        .find_map(|address| address.address?.as_link_addr().copied());
    Ok(found)
}
