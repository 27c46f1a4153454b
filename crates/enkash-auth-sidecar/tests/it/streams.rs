//! Large bodies stream without being buffered.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

use super::stage::Stage;

const MIB: usize = 1024 * 1024;

/// A body of this many bytes, never in memory as a whole.
struct Zeros(usize);

impl Body for Zeros {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        static PIECE: [u8; 64 * 1024] = [0; 64 * 1024];
        let length = self.0.min(PIECE.len());
        self.0 -= length;
        let piece = Bytes::from_static(&PIECE[..length]);
        Poll::Ready((length > 0).then_some(Ok(Frame::data(piece))))
    }
}

async fn upload(stage: &Stage, echo: bool) -> hyper::body::Incoming {
    let mut request = Request::post(stage.url("/api/v0/upload"));
    if echo {
        request = request.header("sandbox-echo", "body");
    }
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = request.body(Zeros(100 * MIB)).unwrap();
    let response = client.request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    response.into_body()
}

#[tokio::test(flavor = "multi_thread")]
async fn hundred_mebibytes_stream_both_ways() {
    let stage = Stage::new().await;
    let report = upload(&stage, false).await.collect().await.unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report.to_bytes()).unwrap();
    assert_eq!(report["body_length"], 100 * MIB);

    let mut back = upload(&stage, true).await;
    let mut length = 0;
    while let Some(frame) = back.frame().await {
        length += frame.unwrap().into_data().map_or(0, |data| data.len());
    }
    assert_eq!(length, 100 * MIB);
    println!("{:?} bytes resident", stage.sidecar.peak_memory());
    stage.assert_memory_is_bounded();
    stage.finish().await;
}
