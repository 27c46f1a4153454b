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
    let connect = |address| async move { Ok(TcpStream::connect(address).await?) };
    let stream = first([dead, live].into_iter().map(connect)).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), live);
    let none = [dead].into_iter().take(0).map(connect);
    first(none).await.unwrap_err();
}
