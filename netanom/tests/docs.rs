//! Documentation that is generated from the code is up to date. `UPDATE_EXPECT=1` writes it.

use std::fmt::Write as _;
use std::path::Path;

use expect_test::expect_file;
use netanom::config::Config;
use netanom::feature;

fn docs(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(name)
}

#[test]
fn the_page_of_features_lists_every_feature() {
    let mut page = String::from(
        "# Features\n\n\
         What a model sees of a flow, in the order of the vector, of the flow export and of the model file. `fwd` is from\n\
         the initiator (who opened the flow) to the responder. Features of hosts look back 1, 10, 60 or 300 s: an amount counts\n\
         fully for one window length and fades over the next. Written by `UPDATE_EXPECT=1 cargo test -p netanom --test docs`.\n\n\
         | # | name | unit | meaning | blind spot |\n|---|---|---|---|---|\n",
    );
    for (number, feature) in feature::features().enumerate() {
        let _ = writeln!(
            page,
            "| {} | `{}` | {} | {} | {} |",
            number + 1,
            feature.name,
            feature.unit,
            feature.meaning,
            feature.blind_spot()
        );
    }
    page += "\n## Of conversations\n\n\
        What a model sees of a conversation: the newest flows, up to 32, of one initiator with one port of one responder in\n\
        which anybody sent payload, from five on. Medians, and variations (standard deviation over mean), are over these flows.\n\n\
        | # | name | unit | meaning |\n|---|---|---|---|\n";
    for (number, column) in feature::COLUMNS.iter().enumerate() {
        let _ = writeln!(
            page,
            "| {} | `{}` | {} | {} |",
            number + 1,
            column.name,
            column.unit,
            column.meaning
        );
    }
    expect_file![docs("features.md")].assert_eq(&page);
}

#[test]
fn the_page_of_the_features_of_access_logs_lists_every_one() {
    let mut page = String::from(
        "# Features of access logs\n\n\
         What a model sees of one client's minute, in the order of the row, of `--flows` and of the model file. Characters\n\
         that no ordinary address has are quotes, brackets, `<>;|$*^`, backslash, backtick and control characters, after percent\n\
         signs were read once. Distinct things are counted by sketches. Written by\n\
         `UPDATE_EXPECT=1 cargo test -p netanom --test docs`.\n\n\
         | # | name | unit | meaning |\n|---|---|---|---|\n",
    );
    for (number, feature) in feature::access::ACCESS_FEATURES.iter().enumerate() {
        let _ = writeln!(
            page,
            "| {} | `{}` | {} | {} |",
            number + 1,
            feature.name,
            feature.unit,
            feature.meaning
        );
    }
    expect_file![docs("access-features.md")].assert_eq(&page);
}

#[test]
fn the_page_of_the_configuration_is_what_print_config_prints() {
    expect_file![docs("netanom.toml")].assert_eq(&Config::example());
}
