use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use enkash_auth_tower::{BoxError, Error, ErrorKind};
use redis::{
    AsyncConnectionConfig, IntoConnectionInfo, RedisConnectionInfo, aio::MultiplexedConnection,
};
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    task::{JoinSet, spawn_blocking},
    time::timeout,
};

use crate::node::Node;
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// Limits the calls in flight of a runtime: a few milliseconds of work for the server.
pub(crate) const SLOTS: usize = 256;

/// Sets how long an address or a node is tried alone, as RFC 8305 calls for.
const HEAD_START: Duration = Duration::from_millis(100);

pub(crate) type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A connection, what drives it, and the node at its end.
pub(crate) type Dialed = (MultiplexedConnection, Driver, Node);

/// Reads a user, if there is one, and a password. It may block.
pub(crate) type Login = Arc<dyn Fn() -> Result<(Option<String>, String), BoxError> + Send + Sync>;

/// A connection before anything is read from it.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// The nodes of the server, and how to log in. `Debug` shows no password.
#[derive(Clone)]
pub(crate) struct Target {
    /// Any of them will do: there is one, or they are sentinels, or of one cluster.
    nodes: Vec<Node>,
    /// What the sentinels call the primary. `None` if the nodes are no sentinels.
    primary: Option<String>,
    settings: RedisConnectionInfo,
    /// Replaces user and password of the settings.
    login: Option<Login>,
    is_tls: bool,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

impl Target {
    /// Parses a URL. Errors do not repeat it, because it may contain a password.
    pub(crate) fn new(url: &str) -> Result<Self, Error> {
        let (scheme, rest) = url.split_once(':').unwrap_or_default();
        let is_tls = scheme.starts_with("rediss");
        if is_tls && !cfg!(feature = "tls") {
            return Err(unusable("rediss:// needs the feature tls"));
        }
        if rest.contains('#') {
            return Err(unusable("must not have a fragment"));
        }
        let kind = scheme.replacen("rediss", "redis", 1);
        let urls = match kind.as_str() {
            "redis" | "redis-cluster" => split(rest, 6379),
            "redis-sentinel" => split(rest, 26379),
            "unix" | "redis+unix" => vec![url.to_owned()],
            _ => {
                return Err(unusable(
                    "not redis://, rediss:// or another documented scheme",
                ));
            }
        };
        let (mut nodes, mut settings) = (Vec::new(), RedisConnectionInfo::default());
        for url in urls {
            let info = url
                .into_connection_info()
                .map_err(|_| unusable("not host, port and database number"))?;
            nodes.extend(Node::new(info.addr()));
            settings = info.redis_settings().clone();
        }
        let mut query = rest.split(['?', '&']).skip(1);
        let primary = query.find_map(|pair| pair.strip_prefix("master="));
        match kind.as_str() {
            "redis" if nodes.len() > 1 => Err(unusable("has more than one host")),
            "redis-cluster" if settings.db() != 0 => Err(unusable("a cluster has database 0 only")),
            "redis-sentinel" if primary.is_none_or(str::is_empty) => {
                Err(unusable("lacks ?master=NAME"))
            }
            kind => Ok(Self {
                nodes,
                primary: primary
                    .filter(|_| kind == "redis-sentinel")
                    .map(str::to_owned),
                settings,
                login: None,
                is_tls,
                #[cfg(feature = "tls")]
                tls: is_tls.then(|| Tls::trusting(&[])).transpose()?,
            }),
        }
    }

    /// Reads user and password anew for each connection.
    pub(crate) fn set_login(&mut self, login: Login) {
        self.login = Some(login);
    }

    #[cfg(feature = "tls")]
    pub(crate) fn tls(&mut self) -> &mut Option<Tls> {
        &mut self.tls
    }

    /// Connects to `node`, or else to the primary or any node of a cluster, and logs in. After so many `failures` of
    /// the latter, it begins with another: one may be up and serve no cluster, or report an old primary.
    pub(crate) async fn dial(
        self: Arc<Self>,
        node: Option<Node>,
        failures: usize,
    ) -> Result<Dialed, BoxError> {
        let count = self.nodes.len();
        let nodes = self.nodes.iter().cycle().skip(failures % count.max(1));
        let nodes = nodes.take(count).cloned();
        match node {
            Some(node) => self.log_in(node).await,
            None if self.primary.is_none() => {
                first(nodes.map(|node| Arc::clone(&self).log_in(node))).await
            }
            None => {
                let primary = first(nodes.map(|node| Arc::clone(&self).locate(node))).await?;
                self.log_in(primary).await
            }
        }
    }

    async fn log_in(self: Arc<Self>, node: Node) -> Result<Dialed, BoxError> {
        let (stream, settings) = (self.connect(&node).await?, self.settings().await?);
        // `Link` applies the timeouts.
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(None)
            // No call waits to be sent.
            .set_pipeline_buffer_size(SLOTS);
        let (connection, driver) =
            MultiplexedConnection::new_with_config(&settings, stream, config).await?;
        Ok((connection, Box::pin(driver), node))
    }

    /// Asks a sentinel for the primary.
    async fn locate(self: Arc<Self>, sentinel: Node) -> Result<Node, BoxError> {
        let stream = self.connect(&sentinel).await?;
        let (anonymous, config) = (RedisConnectionInfo::default(), AsyncConnectionConfig::new());
        let (mut connection, driver) =
            MultiplexedConnection::new_with_config(&anonymous, stream, config).await?;
        let mut driving = JoinSet::new();
        driving.spawn(driver);
        let mut locate = redis::cmd("SENTINEL");
        locate.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.primary);
        let mut located = locate.query_async(&mut connection).await;
        if matches!(&located, Err(error) if error.code() == Some("NOAUTH")) {
            let settings = self.settings().await?;
            let mut log_in = redis::cmd("AUTH");
            log_in.arg(settings.username()).arg(settings.password());
            log_in.exec_async(&mut connection).await?;
            located = locate.query_async(&mut connection).await;
        }
        let located: Option<(String, u16)> = located?;
        let (host, port) = located.ok_or("the sentinels do not know the primary's name")?;
        Ok(Node::Tcp(host, port))
    }

    async fn connect(&self, node: &Node) -> Result<Box<dyn Stream>, BoxError> {
        let (host, port) = match node {
            Node::Tcp(host, port) => (host.as_str(), *port),
            #[cfg(unix)]
            Node::Unix(path) => return Ok(Box::new(UnixStream::connect(path).await?)),
            #[cfg(not(unix))]
            Node::Unix(_) => return Err("a unix socket requires unix".into()),
        };
        let addresses = lookup_host((host, port)).await?;
        let connect = |address| async move { Ok(TcpStream::connect(address).await?) };
        let stream = first(addresses.map(connect)).await?;
        stream.set_nodelay(true)?;
        #[cfg(feature = "tls")]
        if let Some(tls) = self.tls.as_ref().filter(|_| self.is_tls) {
            return Ok(Box::new(tls.connect(host, stream).await?));
        }
        Ok(Box::new(stream))
    }

    async fn settings(&self) -> Result<RedisConnectionInfo, BoxError> {
        let settings = self.settings.clone();
        let Some(login) = self.login.clone() else {
            return Ok(settings);
        };
        let (user, password) = spawn_blocking(move || login()).await??;
        let settings = settings.set_password(password);
        Ok(match user {
            Some(user) => settings.set_username(user),
            None => settings,
        })
    }
}

/// Returns a URL for each host of `rest`, which is what comes after the scheme.
fn split(rest: &str, port: u16) -> Vec<String> {
    let rest = rest.strip_prefix("//").unwrap_or_default();
    let (hosts, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (login, hosts) = hosts.split_at(hosts.rfind('@').map_or(0, |at| at + 1));
    let url = |host: &str| {
        // The colons of an IPv6 address are in brackets.
        let has_port = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
        match has_port || host.is_empty() {
            true => format!("redis://{login}{host}{path}"),
            false => format!("redis://{login}{host}:{port}{path}"),
        }
    };
    hosts.split(',').map(url).collect()
}

/// Returns the result of the first of `tries` to succeed. The next one also begins after [`HEAD_START`], so that a
/// dead address or node delays the call, and does not fail it.
async fn first<T, F>(tries: impl Iterator<Item = F>) -> Result<T, BoxError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, BoxError>> + Send + 'static,
{
    let mut trying = JoinSet::new();
    let mut failed = "the name of redis has no address".into();
    for one in tries {
        trying.spawn(one);
        match timeout(HEAD_START, trying.join_next()).await {
            Ok(Some(Ok(Ok(found)))) => return Ok(found),
            Ok(Some(Ok(Err(error)))) => failed = error,
            Ok(_) | Err(_) => {}
        }
    }
    while let Some(tried) = trying.join_next().await {
        match tried? {
            Ok(found) => return Ok(found),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn unusable(why: &str) -> Error {
    Error::new(ErrorKind::InvalidSetting, format!("redis address: {why}"))
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("nodes", &self.nodes)
            .field("primary", &self.primary)
            .field("is_tls", &self.is_tls)
            .field("database", &self.settings.db())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "../tests/unit/target.rs"]
mod tests;
