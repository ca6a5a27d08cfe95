//! Interfaces by name: which there are, which has the default route.

use std::{fs, io};

use nix::errno::Errno;
use nix::net::if_::{if_indextoname, if_nameindex, if_nametoindex};

use super::SourceError;

/// An interface as the kernel numbers it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its index.
    pub index: u32,
}

impl Interface {
    /// The interface with this name.
    ///
    /// # Errors
    /// [`SourceError::NoInterface`], with the names that there are.
    pub fn named(name: &str) -> Result<Self, SourceError> {
        // Not from /sys/class/net: that shows the network namespace in which it was mounted.
        let index = if_nametoindex(name).map_err(|_| SourceError::NoInterface {
            name: name.to_owned(),
            available: names(),
        })?;
        Ok(Self {
            name: name.to_owned(),
            index,
        })
    }

    /// The interface with this index; `None` when there is none.
    ///
    /// # Errors
    /// When the kernel was not asked, as for want of a file descriptor.
    pub fn with_index(index: u32) -> io::Result<Option<Self>> {
        let name = if_indextoname(index);
        let errno = Errno::last();
        match name.unwrap_or_default() {
            // nix 0.31 takes the null pointer of a refusal for a name without a character.
            none if none.is_empty() => match errno {
                Errno::ENXIO | Errno::ENODEV => Ok(None),
                other => Err(other.into()),
            },
            name => Ok(Some(Self {
                name: name.to_string_lossy().into_owned(),
                index,
            })),
        }
    }

    /// Every interface of this network namespace, sorted by name.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let listed = if_nameindex().into_iter();
        let mut all: Vec<_> = listed
            .flat_map(|listed| {
                let interfaces = listed.iter().map(|one| Self {
                    name: one.name().to_string_lossy().into_owned(),
                    index: one.index(),
                });
                interfaces.collect::<Vec<_>>()
            })
            .collect();
        all.sort();
        all
    }

    /// The interface of the default route: IPv4's with the lowest metric, else IPv6's.
    ///
    /// # Errors
    /// [`SourceError::NoDefaultRoute`] when there is none.
    pub fn of_default_route() -> Result<Self, SourceError> {
        let ipv4 = fs::read_to_string("/proc/thread-self/net/route").unwrap_or_default();
        let ipv6 = fs::read_to_string("/proc/thread-self/net/ipv6_route").unwrap_or_default();
        let name = default_of_ipv4(&ipv4).or_else(|| default_of_ipv6(&ipv6));
        name.map_or(
            Err(SourceError::NoDefaultRoute { available: names() }),
            Self::named,
        )
    }
}

/// What there is to choose from.
fn names() -> String {
    let names: Vec<_> = Interface::all().into_iter().map(|one| one.name).collect();
    names.join(", ")
}

/// Columns of /proc/net/route: Iface Destination Gateway Flags RefCnt Use Metric Mask …
fn default_of_ipv4(table: &str) -> Option<&str> {
    let routes = table.lines().skip(1).filter_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let is_default = columns.get(1) == Some(&"00000000") && columns.get(7) == Some(&"00000000");
        let metric: u32 = columns.get(6)?.parse().ok()?;
        is_default.then_some((metric, columns[0]))
    });
    routes.min().map(|(_, name)| name)
}

/// Columns of /proc/net/ipv6_route: destination, its prefix length, source, its prefix length, next hop, metric, …,
/// interface. The loopback carries a default route that rejects.
fn default_of_ipv6(table: &str) -> Option<&str> {
    let routes = table.lines().filter_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let is_default =
            columns.first()?.bytes().all(|digit| digit == b'0') && columns.get(1) == Some(&"00");
        let metric = u32::from_str_radix(columns.get(5)?, 16).ok()?;
        let name = *columns.get(9)?;
        (is_default && name != "lo").then_some((metric, name))
    });
    routes.min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IPV4: &str = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
        wlan0\t00000000\t0100A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
        eth0\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
        eth1\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";

    const IPV6: &str = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
        fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n\
        00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
        00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n";

    #[test]
    fn the_default_route_with_the_lowest_metric_wins() {
        assert_eq!(default_of_ipv4(IPV4), Some("eth0"));
    }

    #[test]
    fn the_rejecting_route_of_the_loopback_is_no_default_route() {
        assert_eq!(default_of_ipv6(IPV6), Some("eth0"));
    }

    #[test]
    fn a_machine_without_routes_has_no_default() {
        assert_eq!(default_of_ipv4("Iface\tDestination\n"), None);
        assert_eq!(default_of_ipv6(""), None);
    }

    #[test]
    fn an_index_gives_the_name_and_one_that_none_has_nothing() {
        let loopback = Interface::named("lo").unwrap();
        let found = Interface::with_index(loopback.index).unwrap();
        assert_eq!(found, Some(loopback));
        assert_eq!(Interface::with_index(i32::MAX as u32).unwrap(), None);
    }

    #[test]
    fn a_missing_interface_is_told_with_those_that_exist() {
        let error = Interface::named("nosuch0").unwrap_err().to_string();
        assert!(
            error.contains("`nosuch0`") && error.contains("lo"),
            "{error}"
        );
    }
}
