//! Runs the checks on every input of the corpus.

use std::{fs, panic, path::Path};

use enkash_auth_fuzz as fuzz;

macro_rules! replay {
    ($($target:ident: $name:ident,)*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($target), fuzz::$target::check);
            }
        )*
    };
}

replay! {
    response: responses_grant_what_they_say_and_errors_show_no_secret,
    challenge: a_call_is_sent_again_exactly_where_a_challenge_says_so,
    config: settings_mean_the_same_in_every_form_and_no_error_shows_one,
    expiry: no_lifetime_is_longer_than_what_was_said,
    proxy: the_upstream_gets_what_was_meant_for_it_and_no_more,
    rejection: a_call_is_sent_again_exactly_where_a_body_rejects_its_token,
    stored: damaged_record_counts_two_and_no_third_attempt_is_granted,
}

fn replay(target: &str, check: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let mut inputs = 0;
    for entry in fs::read_dir(&corpus).expect("there is a corpus") {
        let path = entry.expect("it is read").path();
        let input = fs::read(&path).expect("an input is read");
        if let Err(panic) = panic::catch_unwind(|| check(&input)) {
            eprintln!("the input is {}", path.display());
            panic::resume_unwind(panic);
        }
        inputs += 1;
    }
    assert!(inputs > 0, "there is nothing in {}", corpus.display());
}
