//! What a replay tells the kernel's programs of the packet that it hands them next.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What the kernel cannot know of a packet that was captured elsewhere: when it was seen, and how long it was before
/// the capture cut it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct ReplayedPacket {
    /// Nanoseconds since the Unix epoch.
    pub time: u64,
    /// Bytes that it had on the wire.
    pub wire_length: u64,
}
