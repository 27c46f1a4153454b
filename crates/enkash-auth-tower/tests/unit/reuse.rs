use super::*;

fn at(second: u64) -> Timestamp {
    Timestamp::new(second * 1_000_000_000, second * 1_000_000_000)
}

fn expected(reuse: &Reuse, second: u64) -> usize {
    (0..160).filter(|_| reuse.is_expected(at(second))).count()
}

#[test]
fn reuse_is_expected_of_most_tokens_for_ten_minutes() {
    let reuse = Reuse::default();
    assert_eq!(expected(&reuse, 1_000), 0);
    reuse.record(true, at(1_000));
    assert_eq!(expected(&reuse, 1_000), 150);
    assert_eq!(expected(&reuse, 1_599), 150);
    assert_eq!(expected(&reuse, 1_600), 0);
}

#[test]
fn another_token_ends_expected_reuse_at_once() {
    let reuse = Reuse::default();
    reuse.record(true, at(1_000));
    reuse.record(false, at(1_001));
    assert_eq!(expected(&reuse, 1_001), 0);
}
