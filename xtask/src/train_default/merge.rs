//! Two captures as one: an attack in the middle of normal traffic, as it happens.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

/// Classic pcap: the file's header, and that of each packet (seconds, fraction, kept bytes, bytes on the wire).
const FILE_HEADER: usize = 24;
const PACKET_HEADER: usize = 16;

/// Adds the packets of `other` to the capture `file`, in the order of time. Both are written by `netanom simulate`, so
/// they have the same header.
pub(super) fn add(file: &Path, other: &Path) -> anyhow::Result<()> {
    let read =
        |path: &Path| fs::read(path).with_context(|| format!("cannot read `{}`", path.display()));
    let merged = merge(&read(file)?, &read(other)?).with_context(|| {
        format!(
            "cannot merge `{}` and `{}`",
            file.display(),
            other.display()
        )
    })?;
    fs::write(file, merged).with_context(|| format!("cannot write `{}`", file.display()))
}

fn merge(a: &[u8], b: &[u8]) -> anyhow::Result<Vec<u8>> {
    let (Some(header), Some(same)) = (a.get(..FILE_HEADER), b.get(..FILE_HEADER)) else {
        bail!("one is no capture");
    };
    if header != same {
        bail!("they are of different kinds");
    }
    let mut packets = packets(&a[FILE_HEADER..])?;
    packets.extend(self::packets(&b[FILE_HEADER..])?);
    // Stable: packets of the same time keep their order.
    packets.sort_by_key(|packet| packet.time);
    let bytes = packets.iter().flat_map(|packet| packet.bytes).copied();
    Ok(header.iter().copied().chain(bytes).collect())
}

struct Packet<'a> {
    time: (u32, u32),
    bytes: &'a [u8],
}

fn packets(mut bytes: &[u8]) -> anyhow::Result<Vec<Packet<'_>>> {
    let mut packets = Vec::new();
    while !bytes.is_empty() {
        let header = bytes
            .get(..PACKET_HEADER)
            .context("the last packet is cut")?;
        let number = |at: usize| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        let length = PACKET_HEADER + number(8) as usize;
        let packet = bytes.get(..length).context("the last packet is cut")?;
        packets.push(Packet {
            time: (number(0), number(4)),
            bytes: packet,
        });
        bytes = &bytes[length..];
    }
    Ok(packets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(packets: &[(u32, u8)]) -> Vec<u8> {
        let mut bytes = vec![7; FILE_HEADER];
        for (time, content) in packets {
            for number in [*time, 0, 1, 1] {
                bytes.extend(number.to_le_bytes());
            }
            bytes.push(*content);
        }
        bytes
    }

    #[test]
    fn packets_of_both_come_in_the_order_of_time() {
        let merged = merge(
            &capture(&[(1, 1), (4, 2)]),
            &capture(&[(2, 3), (4, 4), (5, 5)]),
        )
        .unwrap();
        assert_eq!(merged, capture(&[(1, 1), (2, 3), (4, 2), (4, 4), (5, 5)]));
    }

    #[test]
    fn captures_of_different_kinds_and_cut_ones_are_refused() {
        let one = capture(&[(1, 1)]);
        let mut other = one.clone();
        other[0] = 0;
        assert!(merge(&one, &other).is_err());
        assert!(merge(&one, &one[..one.len() - 1]).is_err());
        assert!(merge(&one, &one[..5]).is_err());
    }
}
