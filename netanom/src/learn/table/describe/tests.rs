//! What is said of a small table, checked by hand.

use super::*;

fn described(table: &str, label: Option<&str>) -> Description {
    describe(
        table.as_bytes(),
        Path::new("t.csv"),
        label,
        &RowsOptions::default(),
    )
    .unwrap()
}

#[test]
fn kinds_gaps_and_ranges_are_those_of_the_cells() {
    let text = "a,b,c,d,e\n1,x,,5,1\n3,y,-,5,two\n2,x,?,5,3\nInfinity,x,nan,5,4\n";
    let found = described(text, None);
    let told: Vec<String> = found
        .columns
        .iter()
        .map(|one| format!("{} {:?} {} {}", one.name, one.kind, one.gaps, one.distinct))
        .collect();
    assert_eq!(
        told,
        [
            "a Number 0 4",
            "b Word 0 2",
            "c Empty 4 0",
            "d Number 0 1",
            "e Mixed 0 4"
        ]
    );
    assert_eq!(found.columns[0].infinite, 1);
    assert_eq!(found.columns[0].range, Some([1.0, 3.0, f32::MAX]));
    assert_eq!(found.columns[1].common[0], ("x".to_owned(), 3));
    assert_eq!(found.columns[3].remark, Some("always the same"));
    assert_eq!(found.label, None);
}

#[test]
fn rows_that_repeat_and_contradict_are_counted() {
    let text = "a,Label\n1,x\n1,x\n1,y\n2,y\na,Label\n3\n";
    let found = described(text, None);
    assert_eq!(
        (found.rows, found.duplicates, found.contradictions),
        (4, 2, 1)
    );
    assert_eq!((found.repeated_headers, found.ragged), (1, 1));
    assert_eq!(found.label.as_deref(), Some("Label"));
    assert_eq!(found.classes, [("x".to_owned(), 2), ("y".to_owned(), 2)]);
}

#[test]
fn a_column_that_gives_the_label_away_is_found_and_one_that_numbers_rows_is_not() {
    let mut text = "id,twin,noise,class\n".to_owned();
    for row in 0..400 {
        let attack = (row / 2) % 3 == 0;
        let class = if attack { "attack" } else { "normal" };
        text += &format!("{row},{},{},{class}\n", u8::from(attack) * 7, row * 37 % 11);
    }
    let found = described(&text, None);
    assert_eq!(found.leaks[0].column, "twin");
    assert!(found.leaks[0].is_all() && (found.leaks[0].accuracy - 1.0).abs() < 1e-9);
    assert!(
        found.leaks[1..].iter().all(|leak| !leak.is_all()),
        "{:?}",
        found.leaks
    );
    let shape = &found.shapes[0];
    assert_eq!((shape.column.as_str(), shape.classes.len()), ("twin", 2));
}

#[test]
fn columns_that_go_together_are_named() {
    let mut text = "a,b,c\n".to_owned();
    (0..50).for_each(|row| text += &format!("{row},{},{}\n", 7 - 2 * row, row * 37 % 11));
    let found = described(&text, None);
    assert_eq!(found.correlations.len(), 1);
    assert_eq!(found.correlations[0].columns, ["a", "b"]);
    assert!((found.correlations[0].coefficient + 1.0).abs() < 1e-9);
}
