//! `cargo xtask lab`: the sensor on a network of its own, with normal traffic and an attack, judged from outside.
//!
//! One file a part: the network, the sensor, the traffic, the watch for alerts, the verdict. What is made here is
//! removed on every way out, since each part removes itself when dropped and signals only raise a flag.

mod child;
mod network;
mod phases;
mod sensor;
pub(crate) mod stop;
mod traffic;
mod verdict;
mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::bail;
use netanom::cli::XdpModeArg;
use netanom::simulate::Mode;
use xtask::privileges::may_attach;
use xtask::{build, command, debian};

use self::network::Network;
use self::phases::Phases;
use self::sensor::Sensor;
use self::stop::{Interrupted, Stop};
use self::traffic::Plan;
use self::verdict::Findings;
use crate::attacks;

/// What the lab is asked for.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Attack to send after the normal phase [default: none]
    #[arg(long, value_name = "MODE", value_parser = attacks::modes())]
    attack: Option<Mode>,
    /// Seconds of normal traffic alone
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    normal: f64,
    /// Seconds of the attack; normal traffic goes on beside it
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    duration: f64,
    /// Packets a second that the attacker sends [default: the attack's own]
    #[arg(long, value_name = "PPS")]
    rate: Option<f64>,
    /// Seed of all traffic
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where XDP runs
    #[arg(long, visible_alias = "mode", value_name = "MODE", value_enum, default_value_t = XdpModeArg::Auto)]
    xdp_mode: XdpModeArg,
    /// Model to judge with [default: the one inside the program]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Address of the sensor's pages [default: 127.0.0.1:9710, or a free port if that is taken]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Keep the sensor and normal traffic running afterwards, until Ctrl-C
    #[arg(long)]
    keep_running: bool,
    /// A netanom that is built already, in place of building one
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

/// Runs the lab; failure when the sensor did not do what it had to.
pub(crate) fn lab(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let stop = Stop::on_signals()?;
    match try_out(arguments, &stop) {
        // Everything is removed by now.
        Err(error) if error.is::<Interrupted>() || stop.check().is_err() => {
            eprintln!("lab: {error:#}; everything is removed");
            Ok(ExitCode::from(Stop::EXIT_CODE))
        }
        outcome => outcome,
    }
}

fn try_out(arguments: &Arguments, stop: &Stop) -> anyhow::Result<ExitCode> {
    check_privileges()?;
    if !command::exists("ip") {
        debian::install(&["iproute2"])?;
    }
    let program = match &arguments.program {
        Some(program) => program.clone(),
        None => build::release()?,
    };
    stop.check()?;
    let address = sensor::address(arguments.listen)?;

    let network = Network::make()?;
    eprintln!(
        "lab: made the network namespace {} with a veth pair; the sensor watches {}",
        network.namespace(),
        network.interface()
    );
    let mut run = Command::new(&program);
    run.args([
        "run",
        "--no-state",
        "--interface",
        network.interface(),
        "--xdp-mode",
        arguments.xdp_mode.name(),
    ]);
    if let Some(model) = &arguments.model {
        run.arg("--model").arg(model);
    }
    let sensor = Sensor::start(run, address, stop)?;
    hint(&sensor);
    let plan = Plan {
        mode: Mode::Normal,
        seconds: arguments.normal,
        rate: None,
        seed: arguments.seed,
        network: &network,
        program: &program,
    };
    let attack = arguments.attack.and_then(attacks::find).map(|attack| {
        let plan = Plan {
            mode: attack.mode,
            seconds: arguments.duration,
            rate: arguments.rate,
            ..plan
        };
        (attack, plan)
    });
    let mut phases = Phases::new(sensor, stop);
    let findings = phases.play(plan, attack)?;
    let is_passed = report(&findings);
    if arguments.keep_running {
        eprintln!("lab: the sensor and normal traffic go on until Ctrl-C");
        phases.go_on(plan)?;
    }
    Ok(if is_passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What the lab does is for root alone; said before anything is built.
fn check_privileges() -> anyhow::Result<()> {
    if debian::is_root()? && may_attach()? {
        return Ok(());
    }
    bail!(
        "the lab makes network namespaces and attaches programs to interfaces, which takes root; the sensor was not built\n\
         \x20 as root: sudo env PATH=\"$PATH\" cargo xtask lab ..."
    )
}

/// Where to look while it runs.
fn hint(sensor: &Sensor) {
    eprintln!("lab: open {} in a browser, or", sensor.url("/"));
    eprintln!("lab:   curl {}", sensor.url("/alerts"));
    eprintln!("lab:   curl {}", sensor.url("/metrics"));
    eprintln!(
        "lab:   Grafana (expects port 9710): docker compose -f deploy/compose.yaml up, then http://127.0.0.1:3000"
    );
}

/// Prints what was found, and tells whether all of it is as it had to be.
#[expect(clippy::print_stdout, reason = "the result")]
fn report(findings: &Findings) -> bool {
    println!();
    for (name, value) in findings.table() {
        println!("{name:<16} {value}");
    }
    println!();
    let checks = findings.checks();
    for check in &checks {
        println!(
            "{}  {}",
            if check.passed { "PASS" } else { "FAIL" },
            check.text
        );
    }
    checks.iter().all(|check| check.passed)
}

/// Seconds above 0, up to a day.
fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| format!("`{text}` is no number of seconds"))?;
    if seconds > 0.0 && seconds <= traffic::A_DAY {
        Ok(seconds)
    } else {
        Err(format!(
            "{seconds} s is not above 0 and at most {} s",
            traffic::A_DAY
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_above_zero_and_finite() {
        assert_eq!(seconds("0.5"), Ok(0.5));
        for wrong in ["0", "-1", "nan", "inf", "1e9", "ten"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
