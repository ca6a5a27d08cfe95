//! Encapsulations of the generated frames: PPPoE, SNAP, VXLAN-GPE, ERSPAN, GTP-U.

use super::Frames;

impl Frames {
    pub(super) fn pppoe(&mut self, depth: u64) -> Vec<u8> {
        let (version, mut packet) = self.ip(depth);
        let protocol = match (self.below(8), version) {
            (0, _) => self.pick(&[0xc021_u16, 0x8021, 0x003d]),
            (1, _) => {
                packet = [&[0, 1, 1, 64][..], &packet].concat();
                0x0281
            }
            (_, 4) => 0x0021,
            _ => 0x0057,
        };
        let ([a, b], [c, d]) = (
            (packet.len() as u16 + 2).to_be_bytes(),
            protocol.to_be_bytes(),
        );
        let code = u8::from(self.one_in(10));
        [&[0x11, code, 0, 1, a, b, c, d], &packet[..]].concat()
    }

    pub(super) fn snap(&mut self, depth: u64) -> Vec<u8> {
        let (ether_type, packet) = match self.ip(depth) {
            (4, packet) => (0x0800_u16, packet),
            (_, packet) => (0x86dd, packet),
        };
        let organisation = self.pick(&[0, 0, 0, 0xf8, 0x0c]);
        let [high, low] = ether_type.to_be_bytes();
        [&[0xaa, 0xaa, 3, 0, 0, organisation, high, low], &packet[..]].concat()
    }

    /// VXLAN-GPE, mostly with the next protocol that follows.
    pub(super) fn gpe(&mut self, depth: u64) -> Vec<u8> {
        let (next, carried) = match self.ip(depth) {
            _ if self.one_in(3) => (3, self.ethernet(depth)),
            (4, packet) => (1, packet),
            (_, packet) => (2, packet),
        };
        let next = if self.one_in(8) {
            self.pick(&[0, 4])
        } else {
            next
        };
        [&[0x0c, 0, 0, next, 0, 0, 1, 0], &carried[..]].concat()
    }

    pub(super) fn erspan(&mut self, depth: u64) -> Vec<u8> {
        let frame = self.ethernet(depth);
        let version = self.pick(&[1, 1, 1, 2]) << 4;
        match self.below(4) {
            0 => [&[0, 0, 0x88, 0xbe], &frame[..]].concat(),
            1 => {
                let header = [version, 1, 0, 1, 0, 0, 0, 1];
                [&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1], &header[..], &frame].concat()
            }
            2 => {
                let packet = self.ip(depth).1;
                let header = [0x20, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0x08, 0];
                [&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1], &header[..], &packet].concat()
            }
            _ => {
                let has_subheader = self.below(2) as u8;
                let header = [version ^ 0x30, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, has_subheader];
                let subheader = vec![1; 8 * usize::from(has_subheader)];
                [
                    &[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1],
                    &header[..],
                    &subheader,
                    &frame,
                ]
                .concat()
            }
        }
    }

    pub(super) fn gtp_u(&mut self, depth: u64) -> Vec<u8> {
        let packet = self.ip(depth).1;
        let first = self.pick(&[0x30, 0x30, 0x32, 0x34, 0x34, 0x36, 0x50]);
        let kind = self.pick(&[255, 255, 255, 1]);
        let mut header = vec![first, kind, 0, 0, 0, 0, 0, 1];
        if first & 7 != 0 {
            let count = self.below(5) as usize;
            header.extend([0, 1, 0, if count > 0 { 0x85 } else { 0 }]);
            for left in (0..count).rev() {
                let units = self.pick(&[0, 1, 1, 1, 2]);
                let mut extension = vec![0; 4 * usize::from(units)];
                if let Some(last) = extension.last_mut() {
                    *last = if left > 0 { 0x85 } else { 0 };
                    extension[0] = units;
                }
                header.extend(extension);
            }
        }
        header.extend(packet);
        header
    }
}
