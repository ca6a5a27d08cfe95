//! `netanom detach`: removes what killed sensors have left in the kernel.

use crate::source::kernel;

use super::answer;

/// Removes it, and says what it was.
///
/// # Errors
/// When something cannot be removed, or a sensor runs: what that one has is left alone.
pub fn run() -> anyhow::Result<()> {
    let remains = kernel::detach()?;
    if remains.is_empty() {
        answer("no netanom has left anything at /sys/fs/bpf\n")?;
    }
    for left in remains.iter().filter(|left| !left.is_in_use) {
        let programs = match left.programs.as_slice() {
            [] => "maps without programs".to_owned(),
            programs => programs.join(", "),
        };
        answer(&format!(
            "removed what the netanom with process id {} left: {programs}\n",
            left.owner
        ))?;
    }
    let running: Vec<_> = remains.iter().filter(|left| left.is_in_use).collect();
    if let [first, ..] = running.as_slice() {
        anyhow::bail!(
            "the netanom with process id {} runs and has {}: `kill {}` stops it and detaches",
            first.owner,
            first.programs.join(", "),
            running
                .iter()
                .map(|one| one.owner.to_string())
                .collect::<Vec<_>>()
                .join(" ")
        );
    }
    Ok(())
}
