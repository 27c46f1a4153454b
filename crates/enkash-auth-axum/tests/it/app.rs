//! An ordinary application: its own state, handlers, errors and probes.

use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    body::Body,
    error_handling::HandleErrorLayer,
    extract::{FromRef, State},
    response::Response,
    routing::{get, post},
};
use enkash_auth_axum::{CurrentToken, Problem, health};
use enkash_auth_sandbox::{Accounts, Issuer};
use enkash_auth_tower::{BoxError, EnkashAuthLayer, ResponseBody, TokenCache};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use tower::{
    Layer, ServiceBuilder, ServiceExt, limit::GlobalConcurrencyLimitLayer,
    load_shed::LoadShedLayer, service_fn, timeout::TimeoutLayer, util::BoxCloneSyncService,
};

use crate::support;

type Client = BoxCloneSyncService<Request<String>, http::Response<ResponseBody<String>>, BoxError>;

/// An application state with more than the tokens.
#[derive(Clone)]
struct App {
    tokens: TokenCache,
    client: Client,
}

impl FromRef<App> for TokenCache {
    fn from_ref(app: &App) -> Self {
        app.tokens.clone()
    }
}

async fn shown(CurrentToken(token): CurrentToken) -> String {
    token.expose().to_owned()
}

async fn held(State(app): State<App>) -> Result<String, Problem> {
    let token = app.tokens.token().await?;
    Ok(token.generation().to_string())
}

/// Calls the API with the method of the request.
async fn pay(State(app): State<App>, method: Method) -> Result<String, Problem> {
    let mut request = Request::new(String::new());
    *request.method_mut() = method;
    *request.uri_mut() = http::Uri::from_static("http://127.0.0.1:4010/pay");
    let response = app.client.oneshot(request).await?;
    Ok(response.body().get_ref().clone())
}

fn router(tokens: TokenCache, client: Client) -> Router {
    Router::new()
        .route("/shown", get(shown))
        .route("/held", get(held))
        .route("/pay", post(pay).get(pay))
        .merge(health::router(tokens.clone()))
        .with_state(App { tokens, client })
}

/// An application whose API returns `response`.
fn app(tokens: TokenCache, response: fn() -> Result<String, BoxError>) -> Router {
    let api =
        service_fn(move |_: Request<String>| async move { response().map(http::Response::new) });
    let layer = EnkashAuthLayer::new(tokens.clone());
    let client = layer
        .allow_origin(support::UPSTREAM.parse().unwrap())
        .layer(api);
    router(tokens, BoxCloneSyncService::new(client))
}

fn paid() -> Result<String, BoxError> {
    Ok("paid".to_owned())
}

async fn ask(app: Router, method: Method, path: &str) -> Response {
    let mut request = support::get(path);
    *request.method_mut() = method;
    app.oneshot(request).await.unwrap()
}

async fn text(response: Response) -> String {
    assert_eq!(response.status(), StatusCode::OK);
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn extractor_returns_cached_token_from_app_state() {
    let issuer = Issuer::default();
    let tokens = support::tokens(&issuer);
    let app = app(tokens.clone(), paid);
    // The first call fetches, the second uses the cached token.
    for _ in 0..2 {
        let shown = text(ask(app.clone(), Method::GET, "/shown").await).await;
        assert_eq!(shown, tokens.peek().unwrap().expose());
    }
    assert_eq!(
        text(ask(app.clone(), Method::GET, "/held").await).await,
        "1"
    );
    assert_eq!(issuer.counters().token_requests, 1);
}

#[tokio::test]
async fn probes_share_state_with_handlers() {
    let tokens = support::tokens(&Issuer::default());
    let app = app(tokens, paid);
    let code = async |path| ask(app.clone(), Method::GET, path).await.status().as_u16();
    assert_eq!(code("/-/live").await, 200);
    assert_eq!(code("/-/ready").await, 503);
    assert_eq!(code("/held").await, 200);
    assert_eq!(code("/-/ready").await, 200);
    assert_eq!(code("/-/status").await, 200);
}

#[tokio::test]
async fn extractor_without_token_returns_problem() {
    let issuer = Issuer::builder().accounts(Accounts::none()).build();
    let app = app(support::tokens(&issuer), paid);
    for (method, path) in [
        (Method::GET, "/shown"),
        (Method::GET, "/held"),
        (Method::POST, "/pay"),
    ] {
        let problem = support::problem(ask(app.clone(), method, path).await).await;
        assert_eq!(problem["status"], 502, "{path}");
        assert_eq!(problem["class"], "rejected", "{path}");
        assert_eq!(problem["forwarded"], false, "{path}");
    }
    assert_eq!(issuer.counters().token_requests, 1);
}

#[tokio::test]
async fn outage_problem_has_retry_after_and_is_not_forwarded() {
    let issuer = Issuer::default();
    issuer.set_outage(true);
    let app = app(support::tokens(&issuer), paid);
    tokio::time::pause();
    let problem = support::problem(ask(app.clone(), Method::POST, "/pay").await).await;
    assert_eq!(
        (&problem["status"], &problem["class"]),
        (&503.into(), &"unavailable".into())
    );
    assert_eq!(problem["forwarded"], false);
    assert!(problem["retry_after"].as_u64().is_some());
    // A GET may be the last hop of a redirected payment, so this proves nothing.
    let problem = support::problem(ask(app, Method::GET, "/pay").await).await;
    assert_eq!(problem["class"], "unavailable");
    assert_eq!(problem["forwarded"], "unknown");
}

#[tokio::test]
async fn api_failure_is_forwarded_unknown() {
    use enkash_auth_tower::{Error, ErrorKind};

    let failures: [fn() -> Result<String, BoxError>; 3] = [
        || Err("secret: 1234".into()),
        || Err(std::io::Error::other("reset").into()),
        // Looks like an error of the token layer.
        || Err(Error::new(ErrorKind::Unavailable, "secret: 1234").into()),
    ];
    for failure in failures {
        let tokens = support::tokens(&Issuer::default());
        let problem = ask(app(tokens, failure), Method::POST, "/pay").await;
        let problem = support::problem(problem).await;
        assert_eq!(
            (&problem["status"], &problem["forwarded"]),
            (&502.into(), &"unknown".into())
        );
        assert!(!problem.to_string().contains("1234"));
    }
}

#[tokio::test(start_paused = true)]
async fn server_stack_errors_become_problems() {
    let stack = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(|error: BoxError| async {
            Problem::from(error)
        }))
        .layer(LoadShedLayer::new())
        .layer(GlobalConcurrencyLimitLayer::new(1))
        .layer(TimeoutLayer::new(Duration::from_secs(10)));
    let slow = || async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        "never"
    };
    let app = Router::new().route("/slow", get(slow)).layer(stack);
    let first = tokio::spawn(ask(app.clone(), Method::GET, "/slow"));
    tokio::time::sleep(Duration::from_secs(1)).await;

    let shed = support::problem(ask(app, Method::GET, "/slow").await).await;
    assert_eq!(
        (&shed["status"], &shed["retry_after"]),
        (&503.into(), &1.into())
    );
    let late = support::problem(first.await.unwrap()).await;
    assert_eq!(
        (&late["status"], &late["forwarded"]),
        (&504.into(), &"unknown".into())
    );
}

#[tokio::test]
async fn client_in_handler_accepts_axum_body() {
    let tokens = support::tokens(&Issuer::default());
    let api = service_fn(|request: Request<Body>| async move {
        Ok::<_, Infallible>(http::Response::new(request.into_body()))
    });
    let layer = EnkashAuthLayer::new(tokens);
    let layer = layer.allow_origin(support::UPSTREAM.parse().unwrap());
    let client = layer.layer(api);
    let request = Request::post(support::UPSTREAM).body(Body::from("amount=100"));
    let response = client.oneshot(request.unwrap()).await.unwrap();
    assert_eq!(text(response.map(Body::new)).await, "amount=100");
}
