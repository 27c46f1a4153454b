use super::*;

/// Files with these ids, and these lengths.
fn files(files: &[(&str, u64)]) -> Versions {
    let files = files.iter();
    files
        .map(|(id, length)| ((*id).to_owned(), (None, *length)))
        .collect()
}

fn using_a() -> Seen {
    Seen {
        used: files(&[("a", 1)]),
        ..Seen::default()
    }
}

#[test]
fn changed_file_is_read_once_it_stays_as_it_is() {
    let mut seen = using_a();
    for (found, changed) in [
        (files(&[("a", 1)]), vec![]),
        (files(&[("a", 2)]), vec![]),
        (files(&[("a", 3), ("b", 1)]), vec![]),
        (
            files(&[("a", 3), ("b", 1)]),
            vec!["a".to_owned(), "b".to_owned()],
        ),
        (files(&[("a", 3), ("b", 1)]), vec![]),
    ] {
        assert_eq!(seen.update(found), (vec![], changed));
    }
}

/// A call reads a new file at once, and keeps its token.
#[test]
fn file_that_goes_before_it_is_used_is_gone() {
    let mut seen = using_a();
    seen.update(files(&[("a", 1), ("b", 1)]));
    let (gone, changed) = seen.update(files(&[]));
    assert_eq!(
        (gone, changed),
        (vec!["a".to_owned(), "a".to_owned(), "b".to_owned()], vec![])
    );
    assert_eq!(seen.update(files(&[])), (vec![], vec![]));
}
