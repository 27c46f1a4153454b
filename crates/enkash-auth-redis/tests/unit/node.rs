//! Redirections, and the slots of a cluster.

use super::*;

fn error(reply: &[u8]) -> BoxError {
    let value = redis::parse_redis_value(reply).unwrap();
    value.extract_error().unwrap_err().into()
}

#[test]
fn slot_is_that_of_the_specification() {
    for (tag, expected) in [("123456789", 12_739), ("foo", 12_182), ("", 0)] {
        assert_eq!(slot(tag.as_bytes()), expected, "{tag}");
    }
}

#[test]
fn redirection_names_node_and_whether_it_is_asked() {
    let from = Node::Tcp("seed".to_owned(), 7_000);
    for (reply, node, is_asking) in [
        (
            &b"-MOVED 3999 10.0.0.1:6381\r\n"[..],
            "10.0.0.1:6381",
            false,
        ),
        (
            b"-ASK 3999 cache.example:6381\r\n",
            "cache.example:6381",
            true,
        ),
        (b"-MOVED 3999 fe80::1:6381\r\n", "fe80::1:6381", false),
        (b"-MOVED 3999 :6381\r\n", "seed:6381", false),
    ] {
        let redirection = from.redirection(&error(reply)).unwrap();
        assert_eq!(format!("{:?}", redirection.node), node);
        assert_eq!(redirection.is_asking, is_asking, "{node}");
    }
    for reply in [
        &b"-CLUSTERDOWN The cluster is down\r\n"[..],
        b"-MOVED\r\n",
        b"-MOVED 3999 host\r\n",
        b"-MOVED 3999 host:port\r\n",
    ] {
        assert!(from.redirection(&error(reply)).is_none());
    }
}
