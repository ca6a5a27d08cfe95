//! Programs that do no harm: they are faster, more regular and more often wrong than people.

use std::time::Duration;

use rand::RngExt;

use super::super::chance::pick;
use super::actor::Scene;
use super::words;

/// A search engine: many pages, no pictures, some that are gone.
pub(super) fn crawl(scene: &mut Scene<'_>) {
    scene.agent = words::program(scene.rng);
    let pace = scene.pace(0.2, 300.0);
    let dead = scene.between(0.002, 0.35);
    let heads = if scene.chance(0.15) { 0.5 } else { 0.0 };
    let takes_assets = if scene.chance(0.3) { 0.4 } else { 0.02 };
    scene.ask(
        "GET",
        "/robots.txt",
        (
            if scene.site.brings.is_multiple_of(2) {
                200
            } else {
                404
            },
            120,
        ),
        "",
    );
    while scene.goes_on() {
        scene.wait(pace);
        let target = if scene.chance(takes_assets) {
            pick(scene.rng, &scene.site.assets).clone()
        } else {
            scene.site.page(scene.rng).to_owned()
        };
        let answer = match scene.rng.random::<f64>() {
            x if x < dead => (
                scene.site.missing_status,
                scene.site.missing_bytes(scene.rng, &target),
            ),
            x if x < dead + scene.site.moved => (301, 300),
            x if x > 0.95 => (304, scene.site.no_bytes()),
            _ => (200, scene.site.page_bytes(scene.rng)),
        };
        if scene.chance(heads) {
            scene.ask("HEAD", &target, (answer.0, scene.site.no_bytes()), "");
        } else {
            scene.ask("GET", &target, answer, "");
        }
    }
}

/// A program that talks to an API: few paths or many, all methods, at any rate.
pub(super) fn call(scene: &mut Scene<'_>) {
    scene.agent = if scene.chance(0.1) {
        String::new()
    } else {
        words::program(scene.rng)
    };
    scene.for_about(Duration::from_mins(10), 1.0);
    let pace = scene.pace(0.5, 600.0);
    let posts = *pick(scene.rng, &[0.0, 0.1, 0.5, 1.0]);
    let is_rpc = scene.chance(0.4);
    let errors = scene.between(0.0005, 0.05);
    let names: Vec<String> = (0..scene.rng.random_range(1..8))
        .map(|_| words::word(scene.rng, 1, 3))
        .collect();
    while scene.goes_on() {
        scene.wait(pace);
        let target = if is_rpc {
            scene.site.api.clone()
        } else {
            let name = pick(scene.rng, &names).clone();
            match scene.rng.random_range(0..4) {
                0 => format!("{}/{name}", scene.site.api),
                1 => format!(
                    "{}/{name}?limit={}&after={}",
                    scene.site.api,
                    scene.rng.random_range(1..200),
                    words::token(scene.rng, 16)
                ),
                2 => format!("{}/{name}/{}", scene.site.api, words::token(scene.rng, 24)),
                _ => format!(
                    "{}/{name}/{}",
                    scene.site.api,
                    scene.rng.random_range(1..100_000)
                ),
            }
        };
        let method = match scene.chance(posts) {
            true => *pick(
                scene.rng,
                &["POST", "POST", "POST", "PUT", "PATCH", "DELETE"],
            ),
            false => "GET",
        };
        let answer = match scene.chance(errors) {
            true => (
                *pick(scene.rng, &[400, 401, 404, 409, 429, 500, 503]),
                scene.rng.random_range(20..300),
            ),
            false if method == "DELETE" => (204, scene.site.no_bytes()),
            false => {
                let bytes = super::super::chance::around(scene.rng, 500.0, 1.2, 1e6) as u64;
                (*pick(scene.rng, &[200, 200, 200, 201]), bytes)
            }
        };
        scene.ask(if is_rpc { "POST" } else { method }, &target, answer, "");
    }
}

/// One path, again and again.
pub(super) fn check_health(scene: &mut Scene<'_>) {
    scene.agent = pick(
        scene.rng,
        &[
            "kube-probe/1.29",
            "ELB-HealthChecker/2.0",
            "",
            "HAProxy",
            "Consul Health Check",
        ],
    )
    .to_string();
    let target = pick(scene.rng, &["/healthz", "/", "/ping", "/status", "/livez"]).to_owned();
    let every = Duration::from_secs_f64(scene.between(1.0, 60.0));
    let bytes = scene.rng.random_range(0..200);
    let method = *pick(scene.rng, &["GET", "GET", "HEAD", "OPTIONS"]);
    let is_ill = scene.chance(0.1);
    while scene.goes_on() {
        scene.now = scene.now.plus(every);
        let status = if is_ill && scene.chance(0.5) {
            503
        } else {
            200
        };
        scene.ask(method, target, (status, bytes), "");
    }
}

/// A few pages, each some times a minute.
pub(super) fn monitor(scene: &mut Scene<'_>) {
    scene.agent = words::program(scene.rng);
    let pages: Vec<String> = (0..scene.rng.random_range(1..12))
        .map(|_| scene.site.page(scene.rng).to_owned())
        .collect();
    let every = Duration::from_secs_f64(scene.between(10.0, 300.0));
    let method = *pick(scene.rng, &["GET", "HEAD"]);
    while scene.goes_on() {
        for page in &pages {
            let bytes = if method == "HEAD" {
                scene.site.no_bytes()
            } else {
                scene.site.page_bytes(scene.rng)
            };
            scene.ask(method, page, (200, bytes), "");
            scene.wait(Duration::from_millis(300));
        }
        scene.now = scene.now.plus(every);
    }
}

/// A feed that mostly has not changed.
pub(super) fn read_feed(scene: &mut Scene<'_>) {
    scene.agent = words::program(scene.rng);
    let every = Duration::from_secs_f64(scene.between(20.0, 900.0));
    let feed = scene.site.feed.clone();
    let knows = scene.chance(0.6);
    while scene.goes_on() {
        let answer = match knows && scene.chance(0.9) {
            true => (304, scene.site.no_bytes()),
            false => (200, scene.site.page_bytes(scene.rng)),
        };
        scene.ask("GET", &feed, answer, "");
        scene.wait(every);
    }
}

/// Large files, in parts or whole.
pub(super) fn download(scene: &mut Scene<'_>) {
    scene.agent = words::program(scene.rng);
    let file = format!(
        "/files/{}-{}.{}",
        words::words(scene.rng, 2, "_"),
        scene.rng.random_range(1..99),
        pick(scene.rng, &["tar.gz", "iso", "pdf", "ts", "zip", "mp4"])
    );
    let pace = scene.pace(0.5, 200.0);
    let is_film = scene.chance(0.5);
    let mut part = 0;
    while scene.goes_on() {
        scene.wait(pace);
        part += 1;
        let bytes = super::super::chance::around(scene.rng, 1e6, 1.5, 4e9) as u64;
        let status = *pick(scene.rng, &[200, 206]);
        if is_film {
            scene.ask(
                "GET",
                &format!("/films/{}/{part:05}.ts", file.len()),
                (status, bytes),
                "",
            );
        } else {
            scene.ask("GET", &file, (status, bytes), "");
        }
    }
}

/// A forgotten program: one or a few paths that are gone, or to which it is no longer admitted.
pub(super) fn ask_in_vain(scene: &mut Scene<'_>) {
    if scene.chance(0.6) {
        scene.agent = words::program(scene.rng);
    }
    let paths: Vec<String> = (0..scene.rng.random_range(1..4))
        .map(|_| format!("/{}", words::words(scene.rng, 2, "/")))
        .collect();
    let status = *pick(scene.rng, &[404, 410, 401, 403, 301]);
    let pace = scene.pace(0.2, 60.0);
    let method = *pick(scene.rng, &["GET", "GET", "HEAD", "PROPFIND", "POST"]);
    let method = if status == 401 && method == "POST" {
        "GET"
    } else {
        method
    };
    while scene.goes_on() {
        scene.wait(pace);
        let path = pick(scene.rng, &paths).clone();
        let bytes = scene.site.missing_bytes(scene.rng, &path);
        scene.ask(method, &path, (status, bytes), "");
    }
}
