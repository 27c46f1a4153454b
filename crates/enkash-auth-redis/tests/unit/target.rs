//! The addresses of a name.

use tokio::{net::TcpSocket, time::timeout};

use super::*;

/// Linux drops what does not fit into the backlog, as a dead host does.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn dead_address_is_passed_over() {
    let [dead, live] = [1, 1_024].map(|backlog| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        socket.listen(backlog).unwrap()
    });
    let [dead, live] = [&dead, &live].map(|listener| listener.local_addr().unwrap());
    let mut full = Vec::new();
    while let Ok(stream) = timeout(HEAD_START, TcpStream::connect(dead)).await {
        full.push(stream.unwrap());
    }
    let stream = connect([dead, live].into_iter()).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), live);
    connect([dead].into_iter().take(0)).await.unwrap_err();
}
