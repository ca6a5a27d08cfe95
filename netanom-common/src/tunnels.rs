//! What is wanted of tunnels: which packet is the flow's, and on which ports VXLAN is found.

/// Which packet of a tunnel is the flow's. Never both, so that every packet is counted exactly once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Tunnels {
    /// The innermost one.
    #[default]
    Inner = 0,
    /// The one between the tunnel's ends.
    Outer = 1,
}

/// All that can be set about tunnels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TunnelSettings {
    /// Which packet is the flow's.
    pub follow: Tunnels,
    /// Where VXLAN is found.
    pub vxlan_ports: VxlanPorts,
}

impl From<Tunnels> for TunnelSettings {
    /// With VXLAN where it usually is.
    fn from(follow: Tunnels) -> Self {
        Self {
            follow,
            ..Self::default()
        }
    }
}

/// UDP ports that carry VXLAN; those of VXLAN-GPE and Geneve are always looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VxlanPorts([u16; Self::MOST]);

impl VxlanPorts {
    /// How many there can be. Every UDP packet is compared with each.
    pub const MOST: usize = 4;

    /// 4789 (RFC 7348) and 8472, which Linux takes when nothing else is said (drivers/net/vxlan/vxlan_core.c), and so
    /// Flannel, Cilium and others do.
    pub const DEFAULT: Self = Self([4789, 8472, 4789, 4789]);

    /// These ports; `None` when there are none or too many, or one is 0, which no packet is sent to.
    #[must_use]
    pub fn new(ports: &[u16]) -> Option<Self> {
        let &first = ports.first()?;
        if ports.len() > Self::MOST || ports.contains(&0) {
            return None;
        }
        // What is not used says the first one again.
        let mut all = [first; Self::MOST];
        for (place, port) in all.iter_mut().zip(ports) {
            *place = *port;
        }
        Some(Self(all))
    }

    /// As the kernel's programs keep them.
    #[inline(always)]
    #[must_use]
    pub const fn of(raw: [u16; Self::MOST]) -> Self {
        Self(raw)
    }

    /// As the kernel's programs keep them.
    #[must_use]
    pub const fn raw(self) -> [u16; Self::MOST] {
        self.0
    }

    /// Whether VXLAN is looked for behind this port.
    #[inline(always)]
    #[must_use]
    pub const fn has(self, port: u16) -> bool {
        let [a, b, c, d] = self.0;
        port == a || port == b || port == c || port == d
    }
}

impl Default for VxlanPorts {
    fn default() -> Self {
        Self::DEFAULT
    }
}
