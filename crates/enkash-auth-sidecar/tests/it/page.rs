//! The status page.

use std::{net::SocketAddr, process::Command, sync::Arc};

use enkash_auth_sandbox::Rules;
use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Mutex,
};

use super::{
    requests::{FullResponse, call, client},
    stage::{Dialect, Stage, command, issuer, sandbox},
};

/// Starts a sidecar with an admin listener and these variables beside its usual ones.
async fn stage(variables: &[(&str, &str)]) -> Stage {
    let sandbox = sandbox(issuer(Rules::new())).await;
    let mut command = command(&sandbox, Dialect::Form);
    command.args(["--admin", "127.0.0.1:0"]);
    command.envs(variables.iter().copied());
    Stage::with_command(sandbox, command).await
}

async fn get(stage: &Stage, path: &str) -> FullResponse {
    let url = format!("http://{}{path}", stage.sidecar.admin());
    let request = Request::get(url).body(Full::default()).unwrap();
    FullResponse::read(client().request(request).await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_serves_page_with_strict_policy() {
    let stage = stage(&[]).await;
    let page = get(&stage, "/-/").await;
    assert_eq!(page.status, StatusCode::OK);
    let headers = page.head.headers();
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"));
    let page = String::from_utf8(page.body.into()).unwrap();
    assert!(page.lines().count() <= 300, "{}", page.lines().count());
    // The only address is the name of a format.
    let page = page.replace("'http://www.w3.org/2000/svg'", "");
    for asset in ["http:", "https:", "src=", "href=\"//", "@import", "url("] {
        assert!(!page.contains(asset), "{asset}");
    }
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_has_what_the_page_shows() {
    let stage = stage(&[]).await;
    stage.until_served().await;
    let status = get(&stage, "/-/status").await.json();
    let page = get(&stage, "/-/").await.body;
    let page = String::from_utf8(page.into()).unwrap();
    for (name, value) in status.as_object().unwrap() {
        assert!(page.contains(name), "{name}: {value}");
    }
    assert_eq!(status["calls"]["2xx"], 1);
    assert_eq!(
        status["lifetime_seconds"].as_u64().map(|life| life / 1_000),
        Some(86)
    );
    assert_eq!(status["store"], "memory");
    stage.finish().await;
}

/// Opens a page in a browser, and returns its elements after some seconds of its own time.
async fn open(address: SocketAddr, path: &str, size: &str) -> String {
    let url = format!("http://{address}{path}");
    let profile = tempfile::tempdir().unwrap();
    let mut browser = Command::new("chromium");
    browser
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--enable-logging=stderr",
        ])
        .args([
            "--virtual-time-budget=9000",
            "--dump-dom",
            &format!("--window-size={size}"),
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(url);
    let output = tokio::task::spawn_blocking(move || browser.output().unwrap());
    let output = output.await.unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !log.contains("CONSOLE"), "{log}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn page_shows_state_and_what_to_do_in_browser() {
    for (variables, size, title, advice) in [
        (&[][..], "1100,760", "Ready", "Calls are forwarded"),
        (
            &[("ENKASH_PASSWORD", "wrong")],
            "390,900",
            "Closed: nothing is sent",
            "Check the credentials",
        ),
        (
            &[("ENKASH_TOKEN_STORE", "redis://127.0.0.1:1")],
            "1100,760",
            "No token",
            "Check the directory or the server in ENKASH_TOKEN_STORE",
        ),
    ] {
        let stage = stage(variables).await;
        call(&stage.sidecar).await;
        let page = open(stage.sidecar.admin(), "/-/", size).await;
        assert!(
            page.contains(&format!("<h1 id=\"title\">{title}</h1>")),
            "{page}"
        );
        assert!(page.contains(advice), "{page}");
        assert!(page.contains("<dt>Store</dt>"), "{page}");
        stage.sidecar.kill().await;
    }
}

/// Holds the page in a frame, since no window of the browser is as narrow as a phone, and measures it.
const FRAME: &str = r#"<body><iframe src="/-/" style="border: 0; width: WIDTHpx; height: 900px"></iframe><script>
setInterval(() => {
  const frame = frames[0], { scrollWidth } = frame.document.documentElement
  document.body.dataset.width = `${frame.innerWidth} ${scrollWidth}`
  document.body.dataset.title = frame.document.title
}, 500)
</script>"#;

/// Serves the page with `status`, and a frame of it of each width. Returns the paths of the requests, too.
async fn framed(status: String) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let serve = async move |mut stream: TcpStream| {
        let mut request = vec![0; 8192];
        let length = stream.read(&mut request).await.unwrap();
        request.truncate(length);
        let request = String::from_utf8(request).unwrap();
        let path = request.split(' ').nth(1).unwrap_or_default();
        let (media, body) = match path {
            "/-/status" => ("application/json", status.clone()),
            "/-/" => ("text/html", include_str!("../../src/page.html").to_owned()),
            path => {
                let width = path.trim_start_matches('/');
                ("text/html", FRAME.replace("WIDTH", width))
            }
        };
        let response = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: {media}; charset=utf-8\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        seen.lock().await.push(path.to_owned());
        stream.write_all(response.as_bytes()).await.unwrap();
    };
    let serve = Arc::new(serve);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let serve = Arc::clone(&serve);
            // It fails if the browser does not use the connection.
            tokio::spawn(async move { serve(stream).await });
        }
    });
    (address, requests)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn page_fits_its_window_and_reads_every_two_seconds() {
    let stage = stage(&[("ENKASH_PASSWORD", "wrong")]).await;
    call(&stage.sidecar).await;
    let status = get(&stage, "/-/status").await.body;
    let status = String::from_utf8(status.into()).unwrap();
    for width in [320, 390, 1100] {
        let (address, requests) = framed(status.clone()).await;
        let frame = open(address, &format!("/{width}"), "1200,900").await;
        assert!(frame.contains(r#"data-title="Closed: "#), "{frame}");
        let expected = format!(r#"data-width="{width} {width}""#);
        assert!(frame.contains(&expected), "{frame}");
        let requests = requests.lock().await;
        let reads = requests.iter().filter(|path| *path == "/-/status");
        // In 9 s.
        assert!((4..=6).contains(&reads.count()), "{requests:?}");
    }
    stage.sidecar.kill().await;
}
