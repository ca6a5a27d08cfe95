//! Tables as other tools and countries write them.

use expect_test::expect;

use super::*;

#[test]
fn a_log_of_zeek_is_read_with_the_three_values_that_iot_23_has_in_one_field() {
    let log = "#separator \\x09\n#set_separator\t,\n#unset_field\t-\n#path\tconn\n\
        #fields\tts\tproto\torig_bytes\ttunnel_parents   label   detailed-label\n\
        #types\ttime\tenum\tcount\tset[string]   string   string\n\
        1.5\ttcp\t81\t(empty)   Benign   -\n\
        2.5\tudp\t-\t-   Malicious   DDoS\n\
        3.5\ttcp\t\"7\t(empty)   Malicious   Part of a scan\n\
        #close\t2019-03-15-14-50-49\n";
    let selection = Selection {
        drop: vec!["ts".to_owned()],
        ..labelled("label")
    };
    let table = read(log, &selection).unwrap();
    // The lines are those of the file.
    assert_eq!(table.lines, [7, 8, 9]);
    assert_eq!(
        table
            .columns
            .iter()
            .map(|column| &*column.name)
            .collect::<Vec<_>>(),
        ["proto", "orig_bytes", "tunnel_parents", "detailed-label"]
    );
    assert_eq!(table.columns[1].numbers[0], 81.0);
    assert!(table.columns[1].numbers[1].is_nan());
    assert_eq!(table.columns[1].vocabulary, ["\"7"]);
    assert_eq!(table.columns[3].vocabulary, ["DDoS", "Part of a scan"]);
    assert_eq!(table.label.vocabulary, ["Benign", "Malicious"]);
    let classes = Classes::of(&table, &ClassRules::default()).unwrap();
    assert_eq!(classes.names, ["normal", "Malicious"]);
}

#[test]
fn utf_16_is_read_with_a_mark_and_without_in_both_orders() {
    // A letter beyond 16 bits on each side of where parts of the file are read, and many rows.
    let rows: String = (0..3000)
        .map(|row| format!("{row},𝄞{},x\r\n", row % 7))
        .collect();
    let text = format!("bytes,tone,Label\r\n{rows}");
    for mark in ["", "\u{feff}"] {
        let marked = format!("{mark}{text}");
        let little: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = marked.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [little, big] {
            let table =
                Table::read_from(&bytes[..], Path::new("t.csv"), &labelled("Label")).unwrap();
            assert_eq!(table.rows(), 3000);
            assert_eq!(table.columns[0].numbers[2999], 2999.0);
            assert_eq!(table.columns[1].vocabulary.len(), 7);
            assert!(table.columns[1].vocabulary.contains(&"𝄞3".to_owned()));
            assert_eq!(table.lines[2999], 3001);
        }
    }
}

/// Gives a few bytes at a time, as what looks for a compression does.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let few = buffer.len().min(3);
        self.0.read(&mut buffer[..few])
    }
}

#[test]
fn what_a_table_is_written_in_is_seen_however_few_bytes_come_at_once() {
    for text in [
        "#separator \\x09\n#fields\tbytes\tlabel\n5\tx\n6\ty\n",
        "bytes;label\n5;x\n6;y\n",
        "\u{feff}bytes,label\r\n5,x\r\n6,y\r\n",
    ] {
        let input = Trickle(text.as_bytes());
        let table = Table::read_from(input, Path::new("t"), &labelled("label")).unwrap();
        assert_eq!(table.columns[0].name, "bytes", "{text}");
        assert_eq!(table.label.vocabulary, ["x", "y"], "{text}");
    }
}

#[test]
fn labels_with_the_full_stop_of_kdd_cup_99_are_known() {
    let table = read("5,normal.\n6,smurf.\n", &labelled("2")).unwrap();
    let classes = Classes::of(&table, &ClassRules::default()).unwrap();
    assert_eq!(classes.names, ["normal", "smurf."]);
    assert!(classes.has_normal);
    let rules = ClassRules {
        map: Some((
            "m".into(),
            r#"{"normal": "normal", "dos": ["smurf"]}"#.to_owned(),
        )),
        ..ClassRules::default()
    };
    assert_eq!(
        Classes::of(&table, &rules).unwrap().names,
        ["normal", "dos"]
    );
}

#[test]
fn a_decimal_comma_is_told_and_read_when_it_is_said() {
    let text = "rate;bytes;Label\n1,5;7;x\n1.002,25;8;y\n-3;9;y\n";
    refused(
        text,
        &labelled("Label"),
        &expect![
            "`t.csv`, line 2, column `rate`: `1,5` looks like a number with a decimal comma; give --decimal-comma, or --words 'rate' when it is a name"
        ],
    );
    let selection = Selection {
        has_decimal_comma: true,
        ..labelled("Label")
    };
    expect![[r#"
        rate bytes
        1.5 7 -> x
        1002.25 8 -> y
        -3 9 -> y"#]]
    .assert_eq(&encoded(text, &selection));
    // Names of that shape, as versions, and words with a comma are words.
    let names = Selection {
        words: vec!["rate".to_owned()],
        ..labelled("Label")
    };
    assert!(encoded(text, &names).contains("-> x"));
    assert!(encoded("how;Label\na,b;x\n1,;y\n", &labelled("Label")).contains("-> x"));
}

#[test]
fn columns_of_gaps_are_told_with_what_to_leave_out() {
    let text = "a,b,c,Label\nNaN,1,,x\n-,2,,y\n";
    let table = read(text, &labelled("Label")).unwrap();
    let told = table.check_columns().unwrap_err().to_string();
    expect![
            "`t.csv`: nothing stands in any row of `a`, `c`, so there is nothing to learn from; leave it out with --drop 'a,c'"
    ]
    .assert_eq(&told);
    let some = read("a,Label\n-,x\n2,y\n", &labelled("Label")).unwrap();
    assert!(some.check_columns().is_ok());
}

#[test]
fn a_models_grouping_comes_back_as_the_rules_that_it_was_trained_by() {
    let rules = ClassRules {
        map: Some(("m".into(), r#"{"good": "a", "bad": "*"}"#.to_owned())),
        normal: Some("good".to_owned()),
        is_binary: true,
    };
    let again = ClassRules::of(&rules.grouping().unwrap(), "model".into());
    let table = read("5,a\n6,b\n7,c\n", &labelled("2")).unwrap();
    let classes = Classes::of(&table, &again).unwrap();
    assert_eq!(classes.names, ["normal", "attack"]);
    assert_eq!(classes, Classes::of(&table, &rules).unwrap());
    assert_eq!(ClassRules::default().grouping(), None);
}

#[test]
fn a_gap_stays_one_for_a_model_since_forests_of_other_tools_may_send_it_to_either_side() {
    let table = read("a,Label\n1,x\n-,y\n", &labelled("Label")).unwrap();
    let leaf = |share: f32| Node {
        cover: 1.0,
        step: Step::Leaf {
            distribution: vec![share, 1.0 - share],
        },
    };
    let forest = Forest::new(
        &[Tree {
            nodes: vec![leaf(0.5)],
        }],
        2,
        1,
    )
    .unwrap();
    let model = Model::new(
        forest,
        vec!["x".to_owned(), "y".to_owned()],
        vec!["a".to_owned()],
        vec![0.0],
    );
    let rows = Encoding::of_model(&model).encode(&table, &[0, 1]).unwrap();
    assert!(rows[[0, 0]] == 1.0 && rows[[1, 0]].is_nan());
    // What was trained here saw the smallest number, which goes where a gap goes.
    let trained = Encoding::fit(&table, &[0, 1], &[0, 1]).unwrap();
    let rows = trained.encode(&table, &[0, 1]).unwrap();
    assert_eq!(rows, array![[1.0], [MISSING]]);
}
