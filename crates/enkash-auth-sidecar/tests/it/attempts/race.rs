use tokio::task::JoinSet;

use super::{
    kept::Kept,
    server::{Server, rejections, run},
};

const ROUNDS: usize = 60;

/// The number of concurrent rounds, so that processes are preempted at random points.
const AT_ONCE: usize = 6;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts 300 processes"]
async fn five_cold_starts_send_wrong_password_once() {
    let mut more = Vec::new();
    for _ in 0..ROUNDS / AT_ONCE {
        let mut rounds = JoinSet::new();
        for _ in 0..AT_ONCE {
            rounds.spawn(async {
                let (server, kept) = (Server::new().await, Kept::directory());
                let mut checks = JoinSet::new();
                for _ in 0..5 {
                    let mut command = server.command(&kept.url(), "wrong");
                    command.arg("check");
                    checks.spawn(run(command));
                }
                checks.join_all().await;
                server.seen()
            });
        }
        let seen = rounds.join_all().await.into_iter();
        more.extend(seen.filter(|seen| *seen != rejections(1)));
    }
    assert!(more.is_empty(), "{} of {ROUNDS}: {more:?}", more.len());
}
