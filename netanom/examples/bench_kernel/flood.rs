//! What does a flood from random spoofed sources do to the sensor: what is lost, how much memory it takes, how soon the
//! alert comes, and what becomes of the connections that were there before?

use std::collections::HashMap;
use std::fs;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use netanom::alert::Alert;
use netanom::config::Config;
use netanom::detect;
use netanom::flow::Window;
use netanom::model::Model;
use netanom::pipeline::Pipeline;
use netanom::source::kernel::{Bench, KernelSettings, KernelSource};
use netanom::source::{FlowSource, Interface, Stop, Watchlist};
use netanom_common::flow::{FlowCounters, FlowKey, Observation};
use netanom_common::packet::Frame;
use netanom_common::parse::parse;

use crate::live::pair_of_interfaces;
use crate::{SYN, frames};

/// Packets of the flood, and of one call of the kernel's generator.
const PACKETS: u32 = 10_000_000;
const CALL: u32 = 50_000;
/// Connections that go on meanwhile.
const ESTABLISHED: u16 = 100;
/// How long they alone are there before.
const BEFORE: Duration = Duration::from_secs(2);
/// How long the sensor goes on after.
const AFTER: Duration = Duration::from_secs(1);

/// What the sensor saw.
#[derive(Default)]
struct Seen {
    in_flows: u64,
    by_destination: u64,
    ignored: u64,
    windows: usize,
    most_flows: usize,
    longest_step: Duration,
    longest_drain: Duration,
    established: HashMap<FlowKey, FlowCounters>,
    alert: Option<(Alert, Instant)>,
    memory: Vec<(Instant, u64)>,
}

pub(crate) fn measure() -> anyhow::Result<()> {
    let (sender, _) = pair_of_interfaces()?;
    let mut sensor = Sensor::start()?;
    let stop = sensor.stop.clone();
    let sent_by_flood = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&sent_by_flood);
    let sending = thread::spawn(move || -> anyhow::Result<_> {
        let mut generator = Bench::load(1024)?;
        let mut rounds = 0;
        let quiet = Instant::now();
        while quiet.elapsed() < BEFORE {
            established(&mut generator, sender)?;
            rounds += 1;
            thread::sleep(Duration::from_millis(20));
        }
        let syn = frames::frame().ipv4().tcp(443, SYN, 0).build();
        generator.vary(32)?;
        let begun = Instant::now();
        for _ in 0..PACKETS / CALL {
            generator.send(sender, &syn, CALL)?;
            counter.fetch_add(u64::from(CALL), Ordering::Relaxed);
            generator.vary(0)?;
            established(&mut generator, sender)?;
            rounds += 1;
            generator.vary(32)?;
        }
        let ended = Instant::now();
        thread::sleep(AFTER);
        stop.raise();
        Ok((rounds, begun, ended))
    });
    let seen = sensor.run()?;
    let (rounds, begun, ended) = sending
        .join()
        .map_err(|_| anyhow::anyhow!("the sender panicked"))??;
    report(&seen, rounds, begun, ended)
}

/// A packet of each connection in both directions, as at a mirror port.
fn established(generator: &mut Bench, sender: u32) -> anyhow::Result<()> {
    for (asked, answer) in connections() {
        generator.send(sender, &asked, 1)?;
        generator.send(sender, &answer, 1)?;
    }
    Ok(())
}

fn connections() -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    const ACK_PUSH: u8 = 0x18;
    (0..ESTABLISHED).map(|number| {
        let frame = || {
            frames::frame()
                .ipv4()
                .tcp(10_000 + number, ACK_PUSH, 0)
                .payload(64)
        };
        (frame().build(), frame().answer().build())
    })
}

struct Sensor {
    source: KernelSource,
    pipeline: Pipeline,
    stop: Stop,
}

impl Sensor {
    /// With the settings that the daemon has by itself.
    fn start() -> anyhow::Result<Self> {
        let config = Config::default();
        let stop = Stop::default();
        let settings = KernelSettings {
            interfaces: Watchlist::of(&Interface::named("v0")?),
            mode: config.xdp_mode()?,
            direction: config.direction()?,
            tunnels: config.tunnels()?,
            capacity: config.kernel_flows,
            tick: config.tick()?,
        };
        let detectors = detect::all(Arc::new(Model::built_in()?));
        Ok(Self {
            source: KernelSource::open(&settings, stop.clone())?,
            pipeline: Pipeline::new(config.pipeline()?, detectors, HashMap::new()),
            stop,
        })
    }

    fn run(&mut self) -> anyhow::Result<Seen> {
        let keys: Vec<FlowKey> = connections()
            .filter_map(|(frame, _)| {
                let packet = parse(&Frame::whole(&frame)).ok()?;
                Some(FlowKey::of(&packet, Interface::named("v0").ok()?.index).0)
            })
            .collect();
        let mut seen = Seen::default();
        self.pipeline.rehearse();
        while let Some(window) = self.source.next_window()? {
            seen.longest_drain = seen.longest_drain.max(self.source.fill().drained_in);
            let begun = Instant::now();
            let alerts = self.pipeline.step(&window);
            seen.longest_step = seen.longest_step.max(begun.elapsed());
            seen.take(&window, &keys);
            if let (None, Some(alert)) = (&seen.alert, alerts.into_iter().next()) {
                seen.alert = Some((alert, Instant::now()));
            }
            seen.memory.push((Instant::now(), resident()?));
        }
        Ok(seen)
    }
}

impl Seen {
    fn take(&mut self, window: &Window, keys: &[FlowKey]) {
        self.windows += 1;
        self.most_flows = self.most_flows.max(window.flows.len());
        for (key, counters) in &window.flows {
            self.in_flows += counters.packets();
            if keys.contains(key) {
                self.established.entry(*key).or_default().merge(counters);
            }
        }
        let overflow = window.overflow.iter();
        self.by_destination += overflow.map(|(_, one)| one.total.packets).sum::<u64>();
        self.ignored += window.ignored.packets();
    }

    /// Resident memory at its most between two moments, in bytes.
    fn most_memory(&self, from: Instant, to: Instant) -> u64 {
        let within = self
            .memory
            .iter()
            .filter(|(at, _)| (from..=to).contains(at));
        within.map(|(_, bytes)| *bytes).max().unwrap_or_default()
    }
}

fn report(seen: &Seen, rounds: u64, begun: Instant, ended: Instant) -> anyhow::Result<()> {
    let steady = rounds * 2 * u64::from(ESTABLISHED);
    let sent = u64::from(PACKETS) + steady;
    let counted = seen.in_flows + seen.by_destination + seen.ignored;
    let took = ended.duration_since(begun);
    let mut expected = FlowCounters::default();
    for (asked, answer) in connections().take(1) {
        for frame in [asked, answer] {
            let packet = parse(&Frame::whole(&frame))
                .ok()
                .context("a frame of ours")?;
            let seen = Observation {
                now: 0,
                segments: NonZeroU32::MIN,
                egress: false,
            };
            expected.account(FlowKey::of(&packet, 0).1, &packet, seen);
        }
    }
    let whole = |one: &&FlowCounters| {
        one.packets() == 2 * rounds && one.bytes() == expected.bytes() * rounds
    };
    let intact = seen.established.values().filter(whole).count();
    let alert = seen.alert.as_ref().context("no alert was raised")?;
    let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
    let quiet = seen.most_memory(begun - BEFORE, begun);
    let first = seen.most_memory(begun, begun + Duration::from_secs(1));
    let most = seen.most_memory(begun, ended + AFTER);
    println!("## A flood\n");
    println!(
        "{PACKETS} SYNs from random sources to one port over a veth, at {:.2} million a second, among {ESTABLISHED} \
         connections that go on; the sensor with its default settings on another CPU.\n",
        f64::from(PACKETS) / took.as_secs_f64() / 1e6
    );
    println!("| | |\n|---|---|");
    println!("| packets sent | {sent} |");
    println!("| packets counted | {counted} |");
    println!("| of them in flows | {} |", seen.in_flows);
    println!("| of them by destination | {} |", seen.by_destination);
    println!("| of them under a reason | {} |", seen.ignored);
    println!("| established connections with every packet and byte | {intact} of {ESTABLISHED} |");
    println!(
        "| from the flood's first packet to the alert (`{}`), ms | {:.0} |",
        alert.0.class,
        alert.1.duration_since(begun).as_secs_f64() * 1e3
    );
    println!("| windows | {} |", seen.windows);
    println!("| most flows in a window | {} |", seen.most_flows);
    println!(
        "| longest drain, ms | {:.0} |",
        seen.longest_drain.as_secs_f64() * 1e3
    );
    println!(
        "| longest step, ms | {:.0} |",
        seen.longest_step.as_secs_f64() * 1e3
    );
    println!("| resident before the flood, MiB | {:.1} |", mib(quiet));
    println!(
        "| resident in its first second, at most, MiB | {:.1} |",
        mib(first)
    );
    println!("| resident at most, MiB | {:.1} |\n", mib(most));
    ensure!(
        counted == sent,
        "{sent} packets were sent and {counted} counted"
    );
    ensure!(
        intact == usize::from(ESTABLISHED),
        "established connections lost packets"
    );
    Ok(())
}

/// This process's resident memory, in bytes.
fn resident() -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kib: u64 = kib.context("no VmRSS")?.trim().parse()?;
    Ok(kib * 1024)
}
