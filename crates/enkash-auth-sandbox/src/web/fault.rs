//! How a fault strikes a request.

use std::future::Future;

use axum::extract::Request;
use axum::response::Response;
use http_body_util::BodyExt;

use super::{broken, instead, page};
use crate::faults::Fault;

/// Serves a request, with the fault that strikes it.
pub(crate) async fn serve<F>(
    fault: Option<Fault>,
    request: Request,
    carry_out: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let Some(fault) = fault else {
        return carry_out(request).await;
    };
    if fault == Fault::CloseBeforeReading {
        return broken::off();
    }
    if let Some(answer) = instead::answer(&fault) {
        // Read to its end: an answer that overtakes a long request may never be seen.
        let mut body = request.into_body();
        while let Some(Ok(_)) = body.frame().await {}
        return answer;
    }
    spoil(&fault, carry_out(request).await).await
}

/// What becomes of the true answer.
async fn spoil(fault: &Fault, answer: Response) -> Response {
    match fault {
        Fault::Delay { by } => {
            tokio::time::sleep(*by).await;
            answer
        }
        Fault::HalfAnswer => broken::half(answer),
        Fault::CarriedOut { status } => page::html(*status),
        Fault::Hang => std::future::pending().await,
        Fault::CloseAfterReading => broken::off(),
        _ => answer,
    }
}
