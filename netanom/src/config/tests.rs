//! Configuration files, good and bad.

use super::*;

fn listen(text: &str) -> Result<SocketAddr, ConfigError> {
    let config = Config {
        listen: text.to_owned(),
        ..Config::default()
    };
    config.listen()
}

#[test]
fn a_name_and_a_port_alone_are_addresses_to_listen_on() {
    for (text, address) in [
        ("127.0.0.1:9710", "127.0.0.1:9710"),
        ("[::1]:80", "[::1]:80"),
        (":9710", "0.0.0.0:9710"),
        ("localhost:9710", "127.0.0.1:9710"),
    ] {
        assert_eq!(listen(text).unwrap(), address.parse().unwrap(), "{text}");
    }
    for text in ["9710", "127.0.0.1", ":x", ":70000", "no such name:1", ""] {
        let told = listen(text).unwrap_err().to_string();
        assert!(told.contains("localhost:9710"), "{text}: {told}");
    }
}

#[test]
fn a_broken_file_is_told_in_one_line_with_its_line_and_what_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("netanom.toml");
    for (text, line, part) in [
        ("tick_ms = 5\nkernel_flows = \"many\"\n", 2, "expected u32"),
        ("# all\n\ntick_ms 5\n", 3, "expected"),
        ("[flows]\nmaximum = 1\n", 2, "expected one of `max`"),
        ("listen = \"a", 1, ""),
    ] {
        std::fs::write(&path, text).unwrap();
        let told = Config::read(&path).unwrap_err().to_string();
        assert!(told.contains(&format!("in line {line}: ")), "{told}");
        assert!(told.contains(part) && !told.contains('\n'), "{told}");
    }
}

#[test]
fn the_example_is_the_default() {
    assert_eq!(
        toml::from_str::<Config>(&Config::example()).unwrap(),
        Config::default()
    );
}

#[test]
fn a_misspelt_key_is_told() {
    let error = toml::from_str::<Config>("tick = 5")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("tick") && error.contains("tick_ms"),
        "{error}"
    );
}

#[test]
fn a_tick_of_zero_is_refused() {
    let config = Config {
        tick_ms: 0,
        ..Config::default()
    };
    assert!(config.tick().is_err());
}

#[test]
fn values_without_sense_are_refused_by_name() {
    for (text, key) in [
        ("[flows]\nactive = 0", "flows.active"),
        ("[flows]\nudp_idle = 18446744073709551", "flows.udp_idle"),
        ("[flows]\nunanswered = 3", "flows.unanswered"),
        ("[flows]\nmax = 0", "flows.max"),
        ("[alerts]\nevidence = 1e308", "alerts.evidence"),
        ("[alerts]\nevidence = inf", "alerts.evidence"),
        ("[alerts]\nevidence = nan", "alerts.evidence"),
        ("[alerts]\nevidence = 0.0", "alerts.evidence"),
        ("[alerts]\nquiet = 0", "alerts.quiet"),
    ] {
        let config: Config = toml::from_str(text).unwrap();
        let error = config.pipeline().unwrap_err().to_string();
        assert!(error.starts_with(&format!("`{key}` is ")), "{error}");
    }
}

#[test]
fn a_file_that_never_ends_is_refused() {
    let error = Config::read(Path::new("/dev/zero")).unwrap_err();
    assert!(
        error.to_string().contains("longer than 1024 KiB"),
        "{error}"
    );
}
