//! Frames by the million: encapsulations in random order and depth and the crafted ones, and both made wrong.
//!
//! Lengths and versions are right where a frame is made and wrong only by what is changed later, so that most frames
//! come far into the parser. Addresses, ports and identifiers are few, so that flows meet and fragments find each other.

#[path = "encapsulated.rs"]
mod encapsulated;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::counted::SHORTEST;
use crate::frames::crafted;

/// A frame of Ethernet's usual MTU, well below what `BPF_PROG_TEST_RUN` takes.
const LONGEST: usize = 1514;
/// Headers in one another; the parser follows two tunnels, and a quote in them.
const DEEPEST: u64 = 5;
/// Most changes are made before this offset: behind it most frames have payload alone.
const HEADERS: usize = 160;

/// Where layers begin in most frames: behind Ethernet, a tag, IPv4, IPv6, UDP, TCP.
const BOUNDARIES: [usize; 8] = [14, 18, 34, 38, 42, 54, 62, 74];

/// An endless row of frames. The same seed gives the same frames.
pub(crate) struct Frames {
    random: ChaCha8Rng,
    crafted: Vec<Vec<u8>>,
}

impl Frames {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            crafted: crafted::all().into_iter().map(|(_, frame)| frame).collect(),
        }
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.random.next_u64() % end
    }

    /// The next frame, of 14 to 1514 bytes.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let mut frame = self.sound();
        for _ in 0..self.below(6) {
            self.change(&mut frame);
        }
        frame.truncate(LONGEST);
        frame.resize(frame.len().max(SHORTEST), 0);
        frame
    }

    fn sound(&mut self) -> Vec<u8> {
        if self.one_in(3) {
            let which = self.below(self.crafted.len() as u64) as usize;
            return self.crafted[which].clone();
        }
        let depth = self.below(DEEPEST);
        self.ethernet(depth)
    }

    fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        let mut bytes = vec![0; self.below(most + 1) as usize];
        self.random.fill_bytes(&mut bytes);
        bytes
    }

    /// One change: what a broken or hostile sender could have done to a frame.
    fn change(&mut self, frame: &mut Vec<u8>) {
        if frame.len() < 2 {
            return;
        }
        let at = self.below(frame.len().min(HEADERS) as u64) as usize;
        match self.below(16) {
            0..4 => frame[at] ^= 1 << self.below(8),
            4..7 => frame[at] = self.below(256) as u8,
            7..11 => self.edit_length(frame, at),
            11 => {
                let bytes = self.bytes(8);
                frame.splice(at..at, bytes);
            }
            12 => {
                let end = (at + 1 + self.below(8) as usize).min(frame.len());
                frame.drain(at..end);
            }
            13 => frame.truncate(at),
            _ => self.splice(frame),
        }
    }

    /// Makes a field of 8 or 16 bits say a little more or less, or what would be just within the frame, or an extreme.
    fn edit_length(&mut self, frame: &mut [u8], at: usize) {
        let Some(&[high, low]) = frame[at..].first_chunk() else {
            frame[at] = frame[at].wrapping_add(1);
            return;
        };
        let said = u16::from_be_bytes([high, low]);
        let rest = (frame.len() - at) as u16;
        let step = self.pick(&[1, 2, 4, 8, 20, 28, 40]);
        let [high, low] = match self.below(8) {
            0 => said.wrapping_add(step).to_be_bytes(),
            1 => said.wrapping_sub(step).to_be_bytes(),
            2 => rest.wrapping_add(step).to_be_bytes(),
            3 => rest.wrapping_sub(step).to_be_bytes(),
            4 => self.pick(&[0, u16::MAX, step]).to_be_bytes(),
            // Half bytes: the lengths of IPv4's and TCP's headers, and the version.
            5 => [(high & 0xf0) | self.below(16) as u8, low],
            6 => [(high & 0x0f) | (self.below(16) as u8) << 4, low],
            _ => [self.below(9) as u8, low],
        };
        frame[at..at + 2].copy_from_slice(&[high, low]);
    }

    /// Goes on with another frame's headers, or with its own once more.
    fn splice(&mut self, frame: &mut Vec<u8>) {
        let other = if self.one_in(2) {
            frame.clone()
        } else {
            self.sound()
        };
        let cut = self.boundary(frame.len());
        let from = self.boundary(other.len());
        frame.truncate(cut);
        frame.extend_from_slice(&other[from..]);
    }

    fn boundary(&mut self, length: usize) -> usize {
        let boundary = if self.one_in(4) {
            self.below(HEADERS as u64) as usize
        } else {
            self.pick(&BOUNDARIES)
        };
        boundary.min(length)
    }

    fn ethernet(&mut self, depth: u64) -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
        let (ether_type, packet) = self.layer_three(depth);
        for _ in 0..self.pick(&[0, 0, 0, 1, 1, 2, 3]) {
            let tag = self.pick(&[0x8100, 0x8100, 0x88a8, 0x9100]);
            frame.extend(u16::to_be_bytes(tag));
            frame.extend([self.pick(&[0, 0xf0]), self.pick(&[5, 7])]);
        }
        frame.extend(ether_type.to_be_bytes());
        frame.extend(packet);
        if self.one_in(8) {
            frame.resize(frame.len().max(60), 0);
        }
        frame
    }

    /// What an Ethernet type announces, and the type.
    fn layer_three(&mut self, depth: u64) -> (u16, Vec<u8>) {
        match self.below(16) {
            0 => (
                self.pick(&[0x0806, 0x88cc, 38, 0x8864, 0x0800, 0x86dd]),
                self.bytes(60),
            ),
            3 => (0x8864, self.pppoe(depth)),
            4 => {
                let packet = self.snap(depth);
                (packet.len().min(1500) as u16, packet)
            }
            1 | 2 => {
                let labels = self.pick(&[1, 1, 2, 3, 6, 7]);
                let mut packet: Vec<u8> = (1..=labels)
                    .flat_map(|label| [0, 1, label << 4 | u8::from(label == labels), 64])
                    .collect();
                packet.extend(self.ip(depth).1);
                (self.pick(&[0x8847, 0x8848]), packet)
            }
            _ => match self.ip(depth) {
                (4, packet) => (0x0800, packet),
                (_, packet) => (0x86dd, packet),
            },
        }
    }

    /// An IP packet, after its version.
    fn ip(&mut self, depth: u64) -> (u8, Vec<u8>) {
        let version = self.pick(&[4, 4, 6]);
        let (protocol, carried) = self.transport(depth, version);
        let packet = if version == 4 {
            self.ipv4(protocol, &carried)
        } else {
            self.ipv6(protocol, carried)
        };
        (version, packet)
    }

    fn ipv4(&mut self, protocol: u8, carried: &[u8]) -> Vec<u8> {
        let options = self.pick(&[0, 0, 0, 0, 4, 12, 40]);
        let total = (20 + options + carried.len()) as u16;
        let [high, low] = total.to_be_bytes();
        let [flags, offset] = self.fragment_field();
        let identification = self.below(4) as u8;
        let mut packet = vec![0x45 + (options / 4) as u8, 0, high, low, 0, identification];
        packet.extend([flags, offset, 64, protocol, 0, 0]);
        let (from, to) = self.hosts();
        packet.extend([10, 0, 0, from, 10, 0, 0, to]);
        packet.extend(vec![1; options]);
        packet.extend(carried);
        packet
    }

    fn ipv6(&mut self, protocol: u8, carried: Vec<u8>) -> Vec<u8> {
        let (next, carried) = self.extended(protocol, carried);
        let [high, low] = (carried.len() as u16).to_be_bytes();
        let mut packet = vec![0x60, 0, 0, 0, high, low, next, 64];
        let (from, to) = self.hosts();
        for host in [from, to] {
            packet.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
        }
        packet.extend(carried);
        packet
    }

    /// Up to nine extension headers, mostly none.
    fn extended(&mut self, protocol: u8, mut carried: Vec<u8>) -> (u8, Vec<u8>) {
        let mut next = protocol;
        let count = self.pick(&[0, 0, 0, 0, 1, 1, 2, 3, 7, 9]);
        for _ in 0..count {
            let number = self.pick(&[0, 43, 44, 51, 60, 60, 135]);
            let mut header = match number {
                44 => {
                    let [high, low] = self.fragment_field();
                    let more = high >> 5 & 1;
                    let [high, low] = (u16::from_be_bytes([high & 0x1f, low]) << 3).to_be_bytes();
                    vec![next, 0, high, low | more, 0, 0, 0, self.below(4) as u8]
                }
                // In units of 4 bytes, less 2.
                51 => {
                    let units = self.pick(&[1, 2, 4]);
                    let mut header = vec![0; 8 + 4 * usize::from(units - 1)];
                    header[..2].copy_from_slice(&[next, units - 1]);
                    header
                }
                // In units of 8 bytes, less 1.
                _ => {
                    let units = self.pick(&[0, 0, 1, 2]);
                    let mut header = vec![0; 8 * (1 + usize::from(units))];
                    header[..2].copy_from_slice(&[next, units]);
                    header
                }
            };
            header.extend(carried);
            carried = header;
            next = number;
        }
        (next, carried)
    }

    /// IPv4's flags and offset: whole, do not fragment, a first fragment, a middle one, the last one.
    fn fragment_field(&mut self) -> [u8; 2] {
        if self.one_in(3) {
            self.pick(&[
                [0x20, 0],
                [0x20, 10],
                [0, 10],
                [0, 1],
                [0x20, 1],
                [0, 2],
                [0, 7],
            ])
        } else {
            self.pick(&[[0, 0], [0x40, 0]])
        }
    }

    fn hosts(&mut self) -> (u8, u8) {
        (1 + self.below(5) as u8, 1 + self.below(5) as u8)
    }

    /// What an IP packet carries, and the number of its protocol.
    fn transport(&mut self, depth: u64, version: u8) -> (u8, Vec<u8>) {
        // Tunnels and quotes stand last.
        match self.below(if depth == 0 { 9 } else { 30 }) {
            0..3 => self.tcp(),
            3..5 => {
                let port = self.pick(&[53, 123, 443, 2152, 4789, 4790, 6081, 8472]);
                let payload = self.bytes(40);
                (17, udp(port, &payload))
            }
            5 => {
                let ports = [0x9c, 0x40, 0x0f, self.pick(&[0x1c, 0x1d])];
                (132, [&ports[..], &[0; 8], &self.bytes(20)].concat())
            }
            6 => {
                let kind = self.pick(&[0, 3, 5, 8, 9, 11, 13]);
                (
                    1,
                    [&[kind, 0, 0, 0, 0, 1, 0, 1], &self.bytes(40)[..]].concat(),
                )
            }
            7 => {
                let kind = self.pick(&[1, 2, 3, 4, 128, 129, 133, 135, 143]);
                (
                    58,
                    [&[kind, 0, 0, 0, 0, 1, 0, 1], &self.bytes(60)[..]].concat(),
                )
            }
            8 => (
                self.pick(&[2, 47, 50, 51, 59, 89, 103, 255]),
                self.bytes(40),
            ),
            9..12 => match self.ip(depth - 1) {
                (4, packet) => (4, packet),
                (_, packet) => (41, packet),
            },
            12..15 => (47, self.gre(depth - 1)),
            15..18 => {
                let frame = self.ethernet(depth - 1);
                let header = [self.pick(&[8, 8, 8, 0]), 0, 0, 0, 0, 0, 1, 0];
                let port = self.pick(&[4789, 8472]);
                (17, udp(port, &[&header[..], &frame].concat()))
            }
            24 | 25 => (
                17,
                udp(self.pick(&[4789, 4790, 4790]), &self.gpe(depth - 1)),
            ),
            26 | 27 => (47, self.erspan(depth - 1)),
            28 | 29 => (17, udp(2152, &self.gtp_u(depth - 1))),
            18..21 => {
                let options = self.pick(&[0, 0, 1, 2, 63]);
                let (ether_type, carried) = self.under_a_type(depth - 1);
                let [high, low] = ether_type.to_be_bytes();
                let header = [options, 0, high, low, 0, 0, 1, 0];
                let options = vec![1; 4 * usize::from(options)];
                (17, udp(6081, &[&header[..], &options, &carried].concat()))
            }
            _ => self.quote(depth - 1, version),
        }
    }

    fn tcp(&mut self) -> (u8, Vec<u8>) {
        let options = self.pick(&[0, 0, 0, 12, 20, 40]);
        let [high, low] = u16::to_be_bytes(self.pick(&[22, 80, 443, 8080]));
        let (more, window) = (self.below(256) as u8, self.below(256) as u8);
        let mut header = vec![0x9c, 0x40, high, low, 0, 0, 0, 1, 0, 0, 0, 1];
        header.extend([((5 + options / 4) as u8) << 4, more, window, 0, 0, 0, 0, 0]);
        header.extend(vec![1; options]);
        header.extend(self.bytes(60));
        (6, header)
    }

    fn gre(&mut self, depth: u64) -> Vec<u8> {
        let flags = self.pick(&[0, 0x20, 0x80, 0xb0, 0x40]);
        let version = u8::from(self.one_in(12));
        let (ether_type, carried) = self.under_a_type(depth);
        let [high, low] = ether_type.to_be_bytes();
        let fields: u8 = [0x80, 0x20, 0x10]
            .iter()
            .map(|bit| u8::from(flags & bit != 0))
            .sum();
        let fields = vec![0; 4 * usize::from(fields)];
        [&[flags, version, high, low], &fields[..], &carried].concat()
    }

    /// A packet, or an Ethernet frame under its type.
    fn under_a_type(&mut self, depth: u64) -> (u16, Vec<u8>) {
        if self.one_in(3) {
            (0x6558, self.ethernet(depth))
        } else {
            self.layer_three(depth)
        }
    }

    /// An ICMP error that quotes a packet, or the beginning of one.
    fn quote(&mut self, depth: u64, version: u8) -> (u8, Vec<u8>) {
        let (_, mut quoted) = self.ip(depth);
        if self.one_in(2) {
            quoted.truncate(self.pick(&[19, 20, 27, 28, 40, 47, 48, 68]));
        }
        let (protocol, kind) = if version == 4 {
            (1, self.pick(&[3, 3, 11, 12, 5]))
        } else {
            (58, self.pick(&[1, 1, 2, 3, 4]))
        };
        let code = self.pick(&[0, 1, 3, 4]);
        (
            protocol,
            [&[kind, code, 0, 0, 0, 0, 0, 0], &quoted[..]].concat(),
        )
    }
}

fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let ([high, low], [a, b]) = (port.to_be_bytes(), (8 + payload.len() as u16).to_be_bytes());
    [&[0xc0, 0, high, low, a, b, 0, 0], payload].concat()
}
