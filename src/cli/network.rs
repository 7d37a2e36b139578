//! The options about the network.

use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use element_mirror::HttpOptions;

use super::{NETWORK, value};

#[derive(Args, Debug)]
#[command(next_help_heading = NETWORK)]
pub(crate) struct NetworkArgs {
    /// Asset downloads at a time.
    #[arg(short = 'j', long, value_name = "N", default_value_t = 16, value_parser = value::count(1, 1024),
          env = "ELEMENT_MIRROR_CONCURRENCY", hide_env = true)]
    concurrency: u64,

    /// Bytes a second in all, such as 10M.
    #[arg(long, value_name = "BYTES", value_parser = value::byte_rate,
          env = "ELEMENT_MIRROR_LIMIT_RATE", hide_env = true)]
    limit_rate: Option<u64>,

    #[command(flatten)]
    api: ApiArgs,

    /// The largest asset taken.
    #[arg(long, value_name = "BYTES", default_value = "2G", value_parser = value::bytes,
          env = "ELEMENT_MIRROR_MAX_SIZE", hide_env = true)]
    pub(super) max_size: u64,

    /// Take assets from private addresses too.
    ///
    /// And by http://. Addresses of cloud metadata stay refused.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          env = "ELEMENT_MIRROR_ALLOW_PRIVATE_ASSETS", hide_env = true)]
    allow_private_assets: bool,
}

/// The options about the network that are left for a command that only asks the API.
#[derive(Args, Debug)]
#[command(next_help_heading = NETWORK)]
pub(crate) struct ApiArgs {
    /// API requests at a time.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = value::count(1, 256),
          env = "ELEMENT_MIRROR_API_CONCURRENCY", hide_env = true)]
    api_concurrency: u64,

    /// API requests a second, such as 2 or 0.5.
    #[arg(long, value_name = "N", value_parser = value::rate, env = "ELEMENT_MIRROR_API_RATE", hide_env = true)]
    api_rate: Option<f64>,

    /// Tries after a failure.
    ///
    /// Of requests that failed for a passing reason, with growing delays.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value::count(0, 100),
          env = "ELEMENT_MIRROR_RETRIES", hide_env = true)]
    retries: u64,

    /// Longest wait for a connection.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = value::timeout,
          env = "ELEMENT_MIRROR_CONNECT_TIMEOUT", hide_env = true)]
    connect_timeout: Duration,

    /// Longest wait for a byte.
    ///
    /// A body that brings less than 64 KiB in ten times as long is given up, too.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = value::timeout,
          env = "ELEMENT_MIRROR_STALL_TIMEOUT", hide_env = true)]
    stall_timeout: Duration,

    /// The User-Agent for API and CDN.
    ///
    /// By default element-mirror/ and its version.
    #[arg(long, value_name = "TEXT", value_parser = value::header_text,
          env = "ELEMENT_MIRROR_USER_AGENT", hide_env = true)]
    user_agent: Option<String>,
}

impl NetworkArgs {
    /// How the network is used, for the sample API or the real one.
    pub(super) fn http_options(&self, demo: bool) -> HttpOptions {
        let mut options = self.api.http_options(demo);
        options.concurrency = size(self.concurrency);
        options.limit_rate = self.limit_rate;
        // The sample API's assets are on loopback.
        options.allow_private_assets = self.allow_private_assets || demo;
        options
    }
}

impl ApiArgs {
    /// How the API is asked, the sample one or the real one.
    pub(super) fn http_options(&self, demo: bool) -> HttpOptions {
        let mut options = HttpOptions::default();
        options.api_concurrency = size(self.api_concurrency);
        options.api_rate = self.api_rate;
        options.retries = size(self.retries);
        options.connect_timeout = self.connect_timeout;
        options.stall_timeout = self.stall_timeout;
        if let Some(user_agent) = &self.user_agent {
            options.user_agent.clone_from(user_agent);
        }
        // No proxy leads to the sample API.
        options.proxies = !demo;
        options
    }
}

/// A number whose range keeps it within usize.
fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
