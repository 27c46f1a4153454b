use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body};
use enkash_auth_axum::{Proxy, ProxyBody, ProxyBuilder};
use enkash_auth_tower::{Egress, EnkashAuthLayer, Error, select::SelectAccount};
use http::{Request, Response, Uri};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::field;

use crate::{
    account_files::AccountFiles,
    address::Address,
    args::Args,
    config::Config,
    failure::Failure,
    guard::Guard,
    listener::Listener,
    report::Report,
    server::{Phase, QUEUE, Server},
    slots::Slots,
    stop::Signals,
    tokens::Tokens,
};

/// The limit of concurrent connections to the admin listener.
const ADMIN_CONNECTIONS: usize = 32;

/// How long connections may take to end once the drain is over.
const END: Duration = Duration::from_secs(1);

/// Listens until the stop signal.
pub(crate) async fn serve(config: Config, args: &Args) -> Result<(), Failure> {
    tracing::trace!(?args, "settings");
    // Before the address is printed: a signal may follow at once.
    let mut signals = Signals::new()?;
    let slots = Slots::new(connection_limit(args.max_connections));
    let bind = async |flag: &str, address: &Address| {
        let bound = Listener::bind(address, args.socket_mode).await;
        bound.map_err(|error| Failure::other(format!("{flag}: {address}: {error}")))
    };
    let listener = bind("--listen", &args.listen).await?;
    let admin_listener = match &args.admin {
        Some(address) => Some(bind("--admin", address).await?),
        None => None,
    };
    let upstream = config.upstream.to_string();
    let guard = |listener: &Listener, key| {
        let accounts = usize::from(args.accounts.is_some());
        let guard = Guard::new(listener.address(), &args.allowed_hosts, key, accounts);
        let authority = upstream.strip_prefix("http://");
        match authority.is_some_and(|authority| guard.leads_here(authority)) {
            false => Ok(guard),
            true => Err(Failure::setting(
                "--upstream",
                "is the address of the sidecar itself",
            )),
        }
    };
    let main_guard = guard(&listener, config.caller_key)?;
    let target: Uri = upstream.parse().unwrap_or_default();
    let forward_proxy = config.egress.proxy_for(&target).cloned();
    let (egress, origin) = (config.egress, config.upstream);
    let proxy = match &config.tokens {
        Tokens::One(tokens) => build(Proxy::builder(tokens.clone(), origin), egress, args),
        Tokens::Many(accounts, _) => {
            let layer = EnkashAuthLayer::per_account(accounts.clone(), AccountFiles::select);
            build(Proxy::with_layer(layer, origin), egress, args)
        }
    }?;
    let report = Report::new(
        config.tokens.clone(),
        config.store.name(),
        Arc::clone(&slots),
        args.access_log,
    )?;
    let server = |guard, app, slots| Server {
        guard,
        app,
        slots,
        timeouts: args.timeouts,
        calls: Arc::clone(report.calls()),
    };

    let (phase, main_phase) = watch::channel(Phase::Serving);
    let (_admin, admin_phase) = watch::channel(Phase::Serving);
    let mut servers = JoinSet::new();
    let mut addresses = format!("listening on {}\n", listener.address());
    let app = match admin_listener {
        None => report.router(Some(proxy)),
        Some(admin_listener) => {
            addresses += &format!("admin on {}\n", admin_listener.address());
            let guard = guard(&admin_listener, None)?;
            let server = server(guard, report.router(None), Slots::new(ADMIN_CONNECTIONS));
            servers.spawn(server.run(admin_listener, admin_phase));
            Router::new().fallback_service(proxy)
        }
    };
    servers.spawn(server(main_guard, app, slots).run(listener, main_phase));
    tokio::spawn(Arc::clone(&report).upkeep());
    match config.tokens {
        // The outcome is logged and returned to callers.
        Tokens::One(tokens) => tokio::spawn(async move { drop(tokens.warm_up().await) }),
        Tokens::Many(accounts, files) => tokio::spawn(files.watch(accounts)),
    };
    let mut stdout = io::stdout();
    stdout.write_all(addresses.as_bytes())?;
    stdout.flush()?;
    tracing::info!(%upstream, proxy = forward_proxy.map(field::display), "forwarding");

    signals.next().await;
    report.set_stopping();
    tracing::info!("stopping");
    let drained = async {
        sleep(args.timeouts.pre_stop).await;
        phase.send_replace(Phase::Draining);
        timeout(args.timeouts.drain, phase.closed()).await.is_ok()
    };
    let is_drained = tokio::select! {
        is_drained = drained => is_drained,
        () = signals.next() => false,
    };
    servers.shutdown().await;
    if !is_drained {
        let connections = phase.receiver_count();
        tracing::warn!(connections, "aborted in-flight requests");
        phase.send_replace(Phase::Ended);
        // So that each call has its line in the access log.
        let _ = timeout(END, phase.closed()).await;
    }
    Ok(())
}

fn build<A>(proxy: ProxyBuilder<A>, egress: Egress, args: &Args) -> Result<Proxy, Error>
where
    A: SelectAccount<Request<ProxyBody>, Response<Body>> + Clone + Send + Sync + 'static,
{
    proxy
        .egress(egress)
        .pool_max_idle(args.pool_size.unwrap_or(args.max_connections))
        .pool_idle_timeout(args.timeouts.pool_idle)
        .connect_timeout(args.timeouts.connect)
        .read_timeout(args.timeouts.read)
        .response_timeout(args.timeouts.response)
        .build()
}

/// Returns the limit of connections that open files allow: each takes two, and the rest of the program some. If
/// possible, there are three for each: a streamed body has a connection of its own, beside the idle ones.
fn connection_limit(wanted: usize) -> usize {
    const OTHER_FILES: usize = 64 + QUEUE + ADMIN_CONNECTIONS;

    let files = (3 * wanted + OTHER_FILES) as u64;
    let allowed = rlimit::increase_nofile_limit(files).ok();
    let allowed = allowed.and_then(|files| usize::try_from(files).ok());
    let limit = allowed.map_or(wanted, |files| files.saturating_sub(OTHER_FILES) / 2);
    if limit < wanted {
        tracing::warn!(limit, "the limit of open files lowers --max-connections");
    }
    limit.clamp(1, wanted)
}
