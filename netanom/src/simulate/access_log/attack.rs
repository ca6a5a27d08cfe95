//! Attackers. What they ask for is made of kinds of characters and of chance, not taken from any tool's list.

use std::time::Duration;

use rand::RngExt;

use super::super::chance::pick;
use super::actor::Scene;
use super::{browser, words};
use crate::alert::Class;

/// Paths of a list, nearly all of which are not there.
pub(super) fn scan_paths(scene: &mut Scene<'_>) {
    scene.class = Class::WebScan;
    dress(scene);
    scene.for_about(Duration::from_mins(6), 1.2);
    let pace = scene.pace(4.0, 3000.0);
    let found = scene.between(0.001, 0.15);
    let by_head = if scene.chance(0.25) { 0.9 } else { 0.02 };
    let depth = scene.rng.random_range(1..5);
    let from = if scene.chance(0.2) {
        format!("{}/", scene.site.host)
    } else {
        String::new()
    };
    while scene.goes_on() {
        scene.wait(pace);
        let target = guessed_path(scene, depth);
        let (status, bytes) = match scene.rng.random::<f64>() {
            x if x < found => (
                *pick(scene.rng, &[200, 200, 301, 403, 401]),
                scene.site.page_bytes(scene.rng),
            ),
            x if x > 0.985 => (*pick(scene.rng, &[403, 400, 500]), 300),
            _ => (
                scene.site.missing_status,
                scene.site.missing_bytes(scene.rng, &target),
            ),
        };
        match scene.chance(by_head) {
            true => scene.ask("HEAD", &target, (status, scene.site.no_bytes()), &from),
            false => scene.ask("GET", &target, (status, bytes), &from),
        }
    }
}

fn guessed_path(scene: &mut Scene<'_>, depth: usize) -> String {
    let count = scene.rng.random_range(1..=depth);
    let base = words::words(scene.rng, count, "/");
    let ending = pick(
        scene.rng,
        &[
            "", "", "/", ".php", ".bak", ".old", ".zip", ".sql", ".conf", ".txt", ".asp", ".jsp",
            "~", ".inc", ".xml", ".log", ".env", ".yml", ".cgi",
        ],
    )
    .to_owned();
    let dot = if scene.chance(0.06) { "." } else { "" };
    format!("/{dot}{base}{ending}")
}

/// What scanners put into parameters, by its shape: steps up, quotes and conditions, brackets and tags, commands,
/// templates, nonsense.
fn payload(scene: &mut Scene<'_>) -> String {
    let number = scene.rng.random_range(1..10_000);
    let word = words::word(scene.rng, 1, 3);
    let steps = scene.rng.random_range(2..14);
    let raw = match scene.rng.random_range(0..9) {
        0 => format!("{}{word}/{word}", "../".repeat(steps)),
        1 => format!("{number}' {word} {number}={number} -- "),
        2 => format!("\"><{word}>{word}({number})</{word}>"),
        3 => format!("{word};{word} -{word}|{word}"),
        4 => format!("{{{{{number}*{number}}}}}"),
        5 => format!("{number}) {word} {word}({number},{number})#"),
        6 => format!("http://{word}.example/{word}?{number}"),
        7 => format!("{}{number}", word.repeat(steps)),
        _ => format!("${{{word}:{word}://{word}}}"),
    };
    let share = *pick(scene.rng, &[0.0, 0.7, 1.0, 1.0]);
    let once = words::encoded(scene.rng, &raw, share);
    match scene.chance(0.1) {
        true => once.replace('%', "%25"),
        false => once,
    }
}

/// Few paths, many values, and servers that fail at some of them.
pub(super) fn inject(scene: &mut Scene<'_>) {
    scene.class = Class::WebScan;
    dress(scene);
    scene.for_about(Duration::from_mins(8), 1.2);
    let pace = scene.pace(2.0, 2000.0);
    let pages: Vec<String> = (0..scene.rng.random_range(1..20))
        .map(|_| scene.site.page(scene.rng).to_owned())
        .collect();
    let fails = *pick(scene.rng, &[0.0, 0.02, 0.1, 0.4]);
    let blocked = *pick(scene.rng, &[0.0, 0.0, 0.05, 0.7]);
    let plain = scene.between(0.02, 0.7);
    let posts = *pick(scene.rng, &[0.0, 0.1, 0.5]);
    let in_headers = if scene.chance(0.2) { 0.1 } else { 0.0 };
    let from = if scene.chance(0.6) {
        format!("{}/", scene.site.host)
    } else {
        String::new()
    };
    let agent = scene.agent.clone();
    while scene.goes_on() {
        scene.wait(pace);
        let page = pick(scene.rng, &pages).clone();
        let mut referrer = from.clone();
        let name = words::word(scene.rng, 1, 2);
        let target = if scene.chance(plain) {
            page
        } else {
            let value = payload(scene);
            if scene.chance(in_headers) {
                referrer = format!("{from}{value}");
                scene.agent = value;
                page
            } else {
                match scene.rng.random_range(0..5) {
                    0 => format!("{page}/{value}"),
                    1 => format!("{page}{value}"),
                    _ => format!(
                        "{page}{}{name}={value}",
                        if page.contains('?') { "&" } else { "?" }
                    ),
                }
            }
        };
        let answer = match scene.rng.random::<f64>() {
            x if x < fails => (500, 1500),
            x if x < fails + blocked => (403, 300),
            x if x > 0.93 => (
                scene.site.missing_status,
                scene.site.missing_bytes(scene.rng, &target),
            ),
            _ => (
                *pick(scene.rng, &[200, 200, 200, 302]),
                scene.site.page_bytes(scene.rng),
            ),
        };
        let method = if scene.chance(posts) { "POST" } else { "GET" };
        scene.ask(method, &target, answer, &referrer);
        scene.agent.clone_from(&agent);
    }
}

/// Forms, whose bodies a log does not show: many requests to few paths, with answers of many kinds.
pub(super) fn scan_forms(scene: &mut Scene<'_>) {
    scene.class = Class::WebScan;
    dress(scene);
    scene.for_about(Duration::from_mins(8), 1.2);
    let pace = scene.pace(4.0, 1200.0);
    let forms: Vec<String> = (0..scene.rng.random_range(1..6))
        .map(|_| scene.site.page(scene.rng).to_owned())
        .collect();
    let gets = scene.between(0.005, 0.5);
    let fails = *pick(scene.rng, &[0.0, 0.02, 0.2, 0.5]);
    let from = if scene.chance(0.6) {
        format!("{}/", scene.site.host)
    } else {
        String::new()
    };
    let usual = *pick(scene.rng, &[200, 303, 302]);
    let size = scene.site.page_bytes(scene.rng).min(9000) + 300;
    while scene.goes_on() {
        scene.wait(pace);
        let form = pick(scene.rng, &forms).clone();
        if scene.chance(gets) {
            let target = match scene.chance(0.4) {
                true => format!("{form}?{}={}", words::word(scene.rng, 1, 2), payload(scene)),
                false => form.clone(),
            };
            let bytes = scene.site.page_bytes(scene.rng);
            scene.ask("GET", &target, (200, bytes), &from);
        }
        let answer = match scene.chance(fails) {
            true => (500, 2011),
            false => {
                let more = scene.rng.random_range(0..60);
                (usual, size + more)
            }
        };
        scene.ask("POST", &form, answer, &from);
    }
}

/// A few paths that some server may have, then gone.
pub(super) fn probe(scene: &mut Scene<'_>) {
    scene.class = Class::WebScan;
    dress(scene);
    let pace = Duration::from_secs_f64(scene.between(0.05, 6.0));
    for _ in 0..scene.rng.random_range(6..60) {
        scene.wait(pace);
        let mut target = guessed_path(scene, 4);
        if scene.chance(0.15) {
            target = format!(
                "{target}?{}={}",
                words::word(scene.rng, 1, 2),
                payload(scene)
            );
        }
        let answer = match scene.chance(0.95) {
            true => (
                scene.site.missing_status,
                scene.site.missing_bytes(scene.rng, &target),
            ),
            false => (400, 226),
        };
        let method = *pick(scene.rng, &["GET", "GET", "GET", "POST", "HEAD"]);
        scene.ask(method, &target, answer, "");
    }
}

/// One log-in after the other.
pub(super) fn guess(scene: &mut Scene<'_>) {
    scene.class = Class::BruteForce;
    dress(scene);
    scene.for_about(Duration::from_mins(8), 1.0);
    let pace = scene.pace(6.0, 900.0);
    guess_at(scene, pace, usize::MAX);
}

fn guess_at(scene: &mut Scene<'_>, pace: Duration, tries: usize) {
    let login = scene.site.login.clone();
    let looks_first = scene.chance(0.25);
    let limited = if scene.chance(0.2) { 0.6 } else { 0.0 };
    let from = if scene.chance(0.4) {
        format!("{}{login}", scene.site.host)
    } else {
        String::new()
    };
    let begun = scene.count();
    while scene.goes_on() && scene.count() - begun < tries {
        scene.wait(pace);
        if looks_first {
            let bytes = scene.site.page_bytes(scene.rng);
            scene.ask("GET", &login, (200, bytes), "");
        }
        let answer = match scene.chance(limited) {
            true => (429, 150),
            false => (scene.site.denied_status, scene.site.denied_bytes(scene.rng)),
        };
        scene.ask("POST", &login, answer, &from);
    }
}

/// Stolen log-ins: dressed as many browsers, slower, and some of them right.
pub(super) fn stuff(scene: &mut Scene<'_>) {
    scene.class = Class::BruteForce;
    scene.for_about(Duration::from_mins(15), 0.8);
    let pace = scene.pace(3.0, 120.0);
    let login = scene.site.login.clone();
    let from = format!("{}{login}", scene.site.host);
    let changes = scene.chance(0.6);
    let right = scene.between(0.001, 0.03);
    let looks_first = scene.chance(0.6);
    while scene.goes_on() {
        scene.wait(pace);
        if changes {
            scene.agent = words::browser(scene.rng);
        }
        if looks_first {
            let bytes = scene.site.page_bytes(scene.rng);
            scene.ask("GET", &login, (200, bytes), "");
        }
        let answer = match scene.chance(right) {
            true => (302, 0),
            false => (scene.site.denied_status, scene.site.denied_bytes(scene.rng)),
        };
        scene.ask("POST", &login, answer, &from);
    }
}

/// More than any person or program asks: one page, chance pages, or addresses that no cache knows.
pub(super) fn flood(scene: &mut Scene<'_>) {
    scene.class = Class::HttpFlood;
    dress(scene);
    scene.for_about(Duration::from_mins(2), 0.8);
    let pace = scene.pace(500.0, 9000.0);
    let one = scene.site.page(scene.rng).to_owned();
    let way = scene.rng.random_range(0..3);
    let overwhelmed = *pick(scene.rng, &[0.0, 0.1, 0.6, 0.95]);
    let changes = scene.chance(0.3);
    let method = if scene.chance(0.15) { "POST" } else { "GET" };
    while scene.goes_on() {
        scene.wait(pace);
        if changes {
            scene.agent = words::browser(scene.rng);
        }
        let target = match way {
            0 => one.clone(),
            1 => scene.site.page(scene.rng).to_owned(),
            _ => format!(
                "{one}{}{}={}",
                if one.contains('?') { "&" } else { "?" },
                words::word(scene.rng, 1, 2),
                words::token(scene.rng, 10)
            ),
        };
        let answer = match scene.chance(overwhelmed) {
            true => (*pick(scene.rng, &[503, 502, 499, 429]), 190),
            false => (200, scene.site.page_bytes(scene.rng)),
        };
        scene.ask(method, &target, answer, "");
    }
}

/// A client that also works as people do, with a scanner at a hundredth to three times of its rate.
pub(super) fn scan_among_visits(scene: &mut Scene<'_>) {
    let share = visits_and_share(scene);
    let tries = (share * scene.count() as f64).ceil() as usize;
    let most = scene.most;
    scene.class = Class::WebScan;
    let pace = Duration::from_secs_f64((most.as_secs_f64() / (tries + 1) as f64).max(0.01));
    let begun = scene.count();
    let page = scene.site.page(scene.rng).to_owned();
    let injects = scene.chance(0.5);
    while scene.goes_on() && scene.count() - begun < tries {
        scene.wait(pace);
        if injects {
            let target = format!(
                "{page}{}{}={}",
                if page.contains('?') { "&" } else { "?" },
                words::word(scene.rng, 1, 2),
                payload(scene)
            );
            let bytes = scene.site.page_bytes(scene.rng);
            scene.ask("GET", &target, (200, bytes), "");
        } else {
            let target = guessed_path(scene, 4);
            let answer = (
                scene.site.missing_status,
                scene.site.missing_bytes(scene.rng, &target),
            );
            scene.ask("GET", &target, answer, "");
        }
    }
}

/// The same with log-ins.
pub(super) fn guess_among_visits(scene: &mut Scene<'_>) {
    let share = visits_and_share(scene);
    let tries = ((share * scene.count() as f64).ceil() as usize).max(4);
    scene.class = Class::BruteForce;
    let pace = Duration::from_secs_f64((scene.most.as_secs_f64() / (tries + 1) as f64).max(0.01));
    guess_at(scene, pace, tries);
}

fn visits_and_share(scene: &mut Scene<'_>) -> f64 {
    browser::visit(scene);
    scene.rewind();
    scene.between(0.01, 3.0)
}

/// As a browser, as a tool, or without a name.
fn dress(scene: &mut Scene<'_>) {
    match scene.rng.random_range(0..10) {
        0 => scene.agent = String::new(),
        1..=3 => scene.agent = words::program(scene.rng),
        _ => {}
    }
}
