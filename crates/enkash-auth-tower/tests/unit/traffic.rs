use super::Traffic;

/// Returns whether a connection died between requests that was read (`r`) and written (`w`) in this order.
fn died(events: &str) -> bool {
    let traffic = Traffic::default();
    for event in events.chars() {
        match event {
            'r' => traffic.read(),
            _ => traffic.written(),
        }
    }
    traffic.died_between_requests()
}

#[test]
fn reused_connection_died_if_at_most_its_end_was_read() {
    for events in ["wrw", "wwrrww", "wrwr", "wrrrwwr", "wrwrwrw"] {
        assert!(died(events), "{events}");
    }
}

#[test]
fn new_connection_or_one_with_data_did_not() {
    for events in ["", "w", "wr", "wwrr", "wrwrr", "wrwrwrrr"] {
        assert!(!died(events), "{events}");
    }
}
