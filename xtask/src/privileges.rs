//! What this process may do: asked before anything is built that it could not use.

use std::fs;

use anyhow::Context;

/// Capabilities by their number in linux/capability.h.
const CAP_NET_ADMIN: u32 = 12;
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// Whether this process may load and attach the programs.
///
/// # Errors
/// When the kernel does not say.
pub fn may_attach() -> anyhow::Result<bool> {
    let status =
        fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    Ok(suffices(&status))
}

/// Whether the effective capabilities in a `/proc/PID/status` suffice to load and attach the programs.
fn suffices(status: &str) -> bool {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let Some(effective) = effective.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
    else {
        return false;
    };
    let has = |capability: u32| effective >> capability & 1 == 1;
    has(CAP_NET_ADMIN) && (has(CAP_SYS_ADMIN) || has(CAP_BPF) && has(CAP_PERFMON))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(effective: u64, expected: bool) {
        let status = format!("Name:\tx\nCapPrm:\tffffffffffffffff\nCapEff:\t{effective:016x}\n");
        assert_eq!(suffices(&status), expected, "{effective:x}");
    }

    #[test]
    fn root_may_attach() {
        check(0x1ff_ffff_ffff, true);
    }

    #[test]
    fn the_three_capabilities_suffice() {
        check(1 << CAP_BPF | 1 << CAP_PERFMON | 1 << CAP_NET_ADMIN, true);
    }

    #[test]
    fn without_net_admin_nothing_is_attached() {
        check(1 << CAP_BPF | 1 << CAP_PERFMON | 1 << CAP_SYS_ADMIN, false);
    }

    #[test]
    fn an_ordinary_user_may_not() {
        check(0, false);
    }
}
