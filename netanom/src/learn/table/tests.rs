//! Tables as they are: what is read, what is refused and in which words, and that the scores are those of the rows.

mod folds;
mod strangers;

use std::path::Path;

use expect_test::{Expect, expect};
use ndarray::array;
use proptest::prelude::*;

use super::*;
use crate::learn::anomaly::{Kind, Settings, Weights};
use crate::learn::histogram::HistogramTrainer;
use crate::learn::trainer::{ForestSettings, TrainError, Trainer};
use crate::model::{Forest, Model, Node, Step, Tree};

fn labelled(label: &str) -> Selection {
    Selection {
        label: label.to_owned(),
        ..Selection::default()
    }
}

fn read(text: &str, selection: &Selection) -> Result<Table, TableError> {
    Table::read_from(text.as_bytes(), Path::new("t.csv"), selection)
}

/// The encoded rows, with `_` for what is missing.
fn encoded(text: &str, selection: &Selection) -> String {
    let table = read(text, selection).unwrap();
    let classes = Classes::of(&table, &ClassRules::default()).unwrap();
    let encoding = Encoding::fit(&table, &classes.rows, &classes.labels).unwrap();
    let rows = encoding.encode(&table, &classes.rows).unwrap();
    let mut lines = vec![encoding.features.join(" ")];
    for (row, label) in rows.outer_iter().zip(&classes.labels) {
        let show = |value: &f32| match *value {
            MISSING => "_".to_owned(),
            value => value.to_string(),
        };
        let cells: Vec<String> = row.iter().map(show).collect();
        let class = &classes.names[usize::from(*label)];
        lines.push(format!("{} -> {class}", cells.join(" ")));
    }
    lines.join("\n")
}

fn refused(text: &str, selection: &Selection, expected: &Expect) {
    let told = read(text, selection).and_then(|table| {
        let classes = Classes::of(&table, &ClassRules::default())?;
        let (settings, normal) = (ForestSettings::default(), of_normal());
        forests(&HistogramTrainer, &settings, &normal).check(&table, &classes)?;
        data_set(
            &table,
            &classes,
            &(0..classes.rows.len()).collect::<Vec<_>>(),
        )
    });
    expected.assert_eq(&told.unwrap_err().to_string());
}

#[test]
fn a_first_line_with_a_number_is_a_row() {
    expect![[r"
        1 2
        0 5 -> normal
        0.5 7 -> neptune"]]
    .assert_eq(&encoded("0,5,normal\n0.5,7,neptune\n", &labelled("3")));
}

#[test]
fn a_table_of_words_alone_needs_to_be_told_that_it_has_no_header() {
    let selection = Selection {
        has_no_header: true,
        ..labelled("2")
    };
    assert_eq!(read("a,good\nb,bad\n", &selection).unwrap().rows(), 2);
}

#[test]
fn marks_blanks_semicolons_and_names_that_come_again_do_no_harm() {
    let text = "\u{feff} bytes ; bytes ;Label\r\n 5; 6 ;x\r\n7;8;y\r\n\r\n";
    expect![[r"
        bytes bytes.1
        5 6 -> x
        7 8 -> y"]]
    .assert_eq(&encoded(text, &labelled("Label")));
}

#[test]
fn what_is_missing_or_infinite_stays_a_row() {
    let text = "rate,size,label\nInfinity,1,a\nNaN,?,b\n-1e99,,a\n3,-,b\n";
    let table = encoded(text, &labelled("label"));
    let largest = f32::MAX.to_string();
    expect![[r"
        rate size
        MAX 1 -> a
        _ _ -> b
        _ _ -> a
        3 _ -> b"]]
    .assert_eq(&table.replace(&largest, "MAX"));
}

#[test]
fn words_are_numbered_by_how_often_they_are_of_the_most_frequent_class() {
    let text = "state,label\nbad,x\nbad,x\ngood,normal\ngood,normal\nmixed,normal\nmixed,x\ngood,normal\n,x\n";
    expect![[r"
        state
        0 -> x
        0 -> x
        2 -> normal
        2 -> normal
        1 -> normal
        1 -> x
        2 -> normal
        _ -> x"]]
    .assert_eq(&encoded(text, &labelled("label")));
}

#[test]
fn numbers_can_be_names() {
    let selection = Selection {
        words: vec!["port".to_owned()],
        ..labelled("label")
    };
    let table = read("port,label\n80,a\n443,b\n", &selection).unwrap();
    assert_eq!(table.columns[0].vocabulary, ["80", "443"]);
}

#[test]
fn a_word_that_training_did_not_have_is_as_if_missing() {
    let table = read("s,label\na,x\nb,y\nc,x\n", &labelled("label")).unwrap();
    let encoding = Encoding::fit(&table, &[0, 1], &[0, 1]).unwrap();
    let rows = encoding.encode(&table, &[0, 1, 2]).unwrap();
    assert_eq!(rows, array![[1.0], [0.0], [MISSING]]);
}

#[test]
fn rows_without_a_label_and_headers_in_the_middle_are_counted() {
    let table = read("a,label\n1,x\n2,\na,label\n3,y\n", &labelled("label")).unwrap();
    assert_eq!(
        (table.rows(), table.unlabelled, table.repeated_headers),
        (2, 1, 1)
    );
    assert_eq!(table.lines, [2, 5]);
}

#[test]
fn what_cannot_be_used_is_named_with_line_column_and_remedy() {
    refused(
        "a,label\n1,x\n1,2,y\n",
        &labelled("label"),
        &expect!["`t.csv`, line 3: 3 fields where line 1 has 2; mend or remove the line"],
    );
    refused(
        "a,label\n1,x\n2,y\nsix,y\n",
        &labelled("label"),
        &expect![
            "`t.csv`, line 4, column `a`: `six` is no number, as most others there are; mend it, or give --words 'a' when numbers are names there, or --drop 'a'"
        ],
    );
    refused(
        "a,label\n1,x\n",
        &labelled("lable"),
        &expect!["`t.csv` has no column `lable`; it has a, label"],
    );
    refused(
        "1,x\n",
        &labelled("3"),
        &expect!["`t.csv` has no column `3`; it has 1 to 2, as its first line is a row"],
    );
    refused(
        "a,label\n",
        &labelled("label"),
        &expect!["the table `t.csv` has no row with a label"],
    );
    refused(
        "a,label\n1,x\n2,x\n",
        &labelled("label"),
        &expect![
            "`t.csv`: every row is of the class x, and a forest tells two or more apart; look at column `label`, --label and --map"
        ],
    );
    refused(
        "label\nx\ny\n",
        &labelled("label"),
        &expect![
            "`t.csv` has 0 columns beside its label and a forest takes 1 to 256; leave some out with --drop"
        ],
    );
    let mut many = "id,label\n".to_owned();
    (0..=MAX_WORDS).for_each(|row| many += &format!("row{row},x\n"));
    refused(
        &many,
        &labelled("label"),
        &expect![
            "`t.csv`, line 4098, column `id`: more than 4096 different words, so it names rows rather than kinds of them; leave it out with --drop 'id'"
        ],
    );
}

fn classes(labels: &str, rules: &ClassRules) -> Result<String, TableError> {
    let rows: String = labels
        .split(' ')
        .map(|label| format!("1,{label}\n"))
        .collect();
    let table = read(&format!("a,label\n{rows}"), &labelled("label"))?;
    let classes = Classes::of(&table, rules)?;
    let names = classes
        .labels
        .iter()
        .map(|label| classes.names[usize::from(*label)].as_str());
    let names: Vec<&str> = names.collect();
    Ok(format!(
        "{} of {}, {} ignored",
        names.join(" "),
        classes.names.join(" "),
        classes.ignored
    ))
}

fn mapped(text: &str) -> ClassRules {
    ClassRules {
        map: Some(("m.json".into(), text.to_owned())),
        ..ClassRules::default()
    }
}

#[test]
fn labels_are_grouped_as_the_map_says() {
    let rules =
        mapped(r#"{"normal": "BENIGN", "dos": ["back", "land"], "ignore": "odd", "other": "*"}"#);
    expect!["dos normal dos other of normal dos other, 1 ignored"]
        .assert_eq(&classes("back BENIGN land odd phf", &rules).unwrap());
    let told = |text: &str| classes("back land", &mapped(text)).unwrap_err().to_string();
    expect![[r#"`t.csv`, line 3, column `label`: the label `land` is not in `m.json`; add it to one of its classes, to `ignore`, or give a class "*" for all others"#]]
        .assert_eq(&told(r#"{"dos": ["back"]}"#));
    assert!(
        told(r#"{"dos": "back", "r2l": ["back", "land"]}"#)
            .contains("`back` is both in `dos` and in `r2l`")
    );
    assert!(told(r#"{"dos": 5}"#).contains("class `dos` has 5, which is no text"));
    assert!(told("[]").contains("cannot use the map `m.json`"));
}

#[test]
fn all_attacks_can_be_one_class() {
    let mut rules = ClassRules {
        is_binary: true,
        ..ClassRules::default()
    };
    expect!["normal attack attack of normal attack, 0 ignored"]
        .assert_eq(&classes("Benign back land", &rules).unwrap());
    expect!["no class is `normal` or `benign`; name the one of normal traffic with --normal: there are 0, 1"]
        .assert_eq(&classes("0 1", &rules).unwrap_err().to_string());
    rules.normal = Some("0".to_owned());
    expect!["normal attack of normal attack, 0 ignored"]
        .assert_eq(&classes("0 1", &rules).unwrap());
}

fn forests<'a>(
    trainer: &'a dyn Trainer,
    forest: &'a ForestSettings,
    normal: &'a Settings,
) -> Learner<'a> {
    Learner {
        kind: Kind::Forest,
        trainer,
        forest,
        normal,
    }
}

fn of_normal() -> Settings {
    Settings {
        false_alarms: 0.1,
        weights: Weights::default(),
        seed: 1,
    }
}

#[test]
fn a_table_that_is_cut_names_the_last_line_that_was_read() {
    struct Cut(&'static [u8]);
    impl Read for Cut {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
                read => Ok(read),
            }
        }
    }
    let input = Cut(b"a,label\n1,x\n2,y\n3,");
    let told = Table::read_from(input, Path::new("t.csv"), &labelled("label")).unwrap_err();
    expect!["cannot read the table `t.csv` after line 3; when it was cut or damaged on its way, copy it again"]
        .assert_eq(&told.to_string());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>(), label in "[1-4]", header: bool) {
        let selection = Selection { has_no_header: header, ..labelled(&label) };
        let _ = Table::read_from(bytes.as_slice(), Path::new("t.csv"), &selection);
    }

    #[test]
    fn whatever_is_in_the_cells_every_labelled_row_is_encoded(
        cells in prop::collection::vec(("[-0-9.einfNa]{0,4}|[a-c]|\\PC{0,3}", "[xy]"), 1..40),
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["value", "label"]).unwrap();
        cells.iter().for_each(|(cell, label)| writer.write_record([cell, label]).unwrap());
        let text = writer.into_inner().unwrap();
        let selection = Selection { words: vec!["value".to_owned()], ..labelled("label") };
        let table = Table::read_from(text.as_slice(), Path::new("t.csv"), &selection).unwrap();
        prop_assert_eq!(table.rows(), cells.len());
        let classes = Classes::of(&table, &ClassRules::default()).unwrap();
        let encoding = Encoding::fit(&table, &classes.rows, &classes.labels).unwrap();
        let rows = encoding.encode(&table, &classes.rows).unwrap();
        prop_assert!(rows.iter().all(|value| value.is_finite()));
        // As words each cell reads back, but for blanks around it.
        for (row, (cell, _)) in rows.column(0).iter().zip(&cells) {
            match cell.trim_ascii() {
                "" => prop_assert_eq!(*row, MISSING),
                word => prop_assert_eq!(&encoding.words["value"][*row as usize], word),
            }
        }
    }
}
