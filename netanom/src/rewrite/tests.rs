use super::*;

#[test]
fn the_table_has_the_order_of_the_enum() {
    for (index, kind) in Kind::all().enumerate() {
        assert_eq!(kind as usize, index, "{kind}");
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    assert_eq!(KINDS.len(), Kind::Direction as usize + 1);
}
