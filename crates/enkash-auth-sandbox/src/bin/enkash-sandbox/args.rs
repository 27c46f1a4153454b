//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use enkash_auth_sandbox::{Issuer, Sandbox, SandboxBuilder, Tls};

use crate::credentials::Credentials;
use crate::help;
use crate::rules::RuleArgs;

/// A server that behaves like EnKash's token server
#[derive(Debug, Parser)]
#[command(name = "enkash-sandbox", version, long_about = help::ABOUT, after_long_help = help::MORE)]
pub(crate) struct Args {
    /// Address to listen on; port 0 picks a free one. Whoever reaches it can give orders
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8788")]
    listen: SocketAddr,

    /// Serves TLS, with a certificate made at the start for localhost and the address
    #[arg(long)]
    tls: bool,

    /// Makes the certificate good for this name too; may be given again
    #[arg(long, value_name = "NAME", requires = "tls")]
    tls_name: Vec<String>,

    /// Writes the certificate that clients have to trust to this file, as PEM
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub(crate) ca_file: Option<PathBuf>,

    #[command(flatten)]
    credentials: Credentials,

    #[command(flatten)]
    rules: RuleArgs,
}

impl Args {
    /// The sandbox that the command line describes.
    pub(crate) fn sandbox(&self) -> SandboxBuilder {
        let issuer = Issuer::builder()
            .accounts(self.credentials.accounts())
            .rules(self.rules.rules())
            .build();
        issuer.clock().set_offset_ms(self.rules.clock_offset_ms());
        let sandbox = Sandbox::builder().issuer(issuer).listen(self.listen);
        if self.tls {
            let names = self.tls_name.iter();
            sandbox.tls(names.fold(Tls::new(), Tls::name))
        } else {
            sandbox
        }
    }
}
