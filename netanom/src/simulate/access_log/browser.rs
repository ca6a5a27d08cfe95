//! People: pages with what they bring, think times, searches, forms, a wrong password now and then.

use std::time::Duration;

use rand::RngExt;

use super::super::chance::pick;
use super::actor::Scene;
use super::words;

/// One person, or some behind one address.
pub(super) fn visit(scene: &mut Scene<'_>) {
    let people = if scene.chance(0.15) {
        scene.rng.random_range(2..30)
    } else {
        1
    };
    let most = scene.most;
    for _ in 0..people {
        scene.rewind();
        scene.most = most;
        scene.agent = words::browser(scene.rng);
        scene.for_about(Duration::from_mins(4), 1.2);
        scene.wait(Duration::from_secs(1 + 10 * (people - 1)));
        session(scene);
    }
    scene.most = most;
}

fn session(scene: &mut Scene<'_>) {
    let think = scene.between(2.0, 90.0);
    let is_cached = scene.chance(0.4);
    let polls = scene.chance(0.1);
    let has_referrer = !scene.chance(0.1);
    let mut came_from = match scene.rng.random_range(0..3) {
        0 => String::new(),
        1 => format!(
            "https://www.{}.example/search?q={}",
            words::word(scene.rng, 1, 2),
            words::words(scene.rng, 3, "+")
        ),
        _ => format!("https://{}.example/", words::word(scene.rng, 2, 3)),
    };
    if scene.chance(0.2) {
        log_in(scene);
    }
    while scene.goes_on() {
        let page = target(scene);
        let url = format!("{}{page}", scene.site.host);
        page_view(scene, &page, &came_from, is_cached);
        let from = if has_referrer { url.as_str() } else { "" };
        brought(scene, from, is_cached);
        if polls {
            poll(scene, from);
        }
        came_from = from.to_owned();
        scene.wait(Duration::from_secs_f64(think));
    }
}

/// Where the person goes.
fn target(scene: &mut Scene<'_>) -> String {
    let page = scene.site.page(scene.rng).to_owned();
    let (between, begin) = if page.contains('?') {
        ("&", "&")
    } else {
        ("&", "?")
    };
    match scene.rng.random_range(0..60) {
        0..=3 => {
            let terms = words::words(scene.rng, 2, "+");
            format!(
                "{page}{begin}q={terms}{between}page={}",
                scene.rng.random_range(1..9)
            )
        }
        4 => {
            let letters = scene.rng.random_range(2..24);
            format!("{page}{begin}s={}", words::foreign(scene.rng, letters))
        }
        // Names with an apostrophe, filters in brackets, and objects that scripts put into addresses are ordinary.
        5 if scene.chance(0.3) => format!("{page}{begin}q=o%27{}", words::word(scene.rng, 2, 3)),
        6 if scene.chance(0.5) => format!(
            "{page}{begin}filter[{}]={}&sort[]=a",
            words::word(scene.rng, 1, 2),
            words::word(scene.rng, 1, 2)
        ),
        7 if scene.chance(0.5) => format!(
            "{page}{begin}data=%7B%22{}%22%3A%22{}%22%7D",
            words::word(scene.rng, 1, 2),
            words::word(scene.rng, 1, 3)
        ),
        8 => {
            let length = scene.rng.random_range(20..300);
            format!(
                "{page}{begin}utm_source={}&utm_id={}",
                words::word(scene.rng, 1, 2),
                words::token(scene.rng, length)
            )
        }
        _ => page,
    }
}

fn page_view(scene: &mut Scene<'_>, page: &str, from: &str, is_cached: bool) {
    let answer = match scene.rng.random::<f64>() {
        x if x < scene.site.dead => (
            scene.site.missing_status,
            scene.site.missing_bytes(scene.rng, page),
        ),
        x if x < scene.site.dead + scene.site.moved => (301, 400),
        x if x > 0.999 => (500, 1200),
        x if is_cached && x > 0.9 => (304, scene.site.no_bytes()),
        _ => (200, scene.site.page_bytes(scene.rng)),
    };
    scene.ask("GET", page, answer, from);
    if scene.chance(0.04) {
        scene.wait(Duration::from_secs(8));
        let next = (
            *pick(scene.rng, &[200, 302, 303, 201]),
            scene.site.page_bytes(scene.rng) / 10,
        );
        scene.ask("POST", page, next, from);
    }
}

/// Styles, pictures and scripts, some of which are missing.
fn brought(scene: &mut Scene<'_>, from: &str, is_cached: bool) {
    let most = scene.site.brings;
    let count = if is_cached { most / 4 } else { most };
    for _ in 0..scene.rng.random_range(0..=count) {
        scene.wait(Duration::from_millis(60));
        let asset = pick(scene.rng, &scene.site.assets).clone();
        let answer = match scene.rng.random_range(0..100) {
            0 => (
                scene.site.missing_status,
                scene.site.missing_bytes(scene.rng, &asset),
            ),
            1..=20 => (304, scene.site.no_bytes()),
            21..=23 => (206, scene.site.asset_bytes(scene.rng)),
            _ => (200, scene.site.asset_bytes(scene.rng)),
        };
        scene.ask("GET", &asset, answer, from);
    }
    if scene.chance(0.05) {
        scene.ask("GET", "/favicon.ico", (404, 200), "");
    }
}

/// A page that asks for news by itself.
fn poll(scene: &mut Scene<'_>, from: &str) {
    let every = scene.between(1.0, 15.0);
    let target = format!("{}/{}", scene.site.api, words::word(scene.rng, 1, 2));
    let method = if scene.chance(0.4) { "POST" } else { "GET" };
    for _ in 0..scene.rng.random_range(2..40) {
        scene.wait(Duration::from_secs_f64(every));
        let bytes = scene.rng.random_range(2..600);
        scene.ask(method, &target, (200, bytes), from);
    }
}

/// Right at once for most, after some tries for others.
fn log_in(scene: &mut Scene<'_>) {
    let login = scene.site.login.clone();
    let from = format!("{}{login}", scene.site.host);
    let bytes = scene.site.page_bytes(scene.rng);
    scene.ask("GET", &login, (200, bytes), "");
    brought(scene, &from, false);
    let wrong = *pick(scene.rng, &[0, 0, 0, 0, 1, 1, 2, 3]);
    for _ in 0..wrong {
        scene.wait(Duration::from_secs(9));
        let answer = (scene.site.denied_status, scene.site.denied_bytes(scene.rng));
        scene.ask("POST", &login, answer, &from);
    }
    scene.wait(Duration::from_secs(9));
    let bytes = scene.rng.random_range(0..900);
    scene.ask("POST", &login, (302, bytes), &from);
}
