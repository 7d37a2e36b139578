//! The guard: where an asset may be fetched from. It sits where connections are made, so that a name that resolves to
//! something else at the connection than at a check gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::timeout;
use url::{Host, Url};

use crate::error::{ErrorKind, Failure};

/// An address, or a name that leads to one, that is not asked for assets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{host} leads to {what}, which is not asked for assets{hint}")]
pub(super) struct RefusedAddress {
    host: String,
    what: &'static str,
    hint: &'static str,
}

/// Looks up a name's addresses.
type Lookup = fn(&str) -> BoxFuture<'_, std::io::Result<Vec<IpAddr>>>;

/// Decides what may be asked for assets.
#[derive(Debug)]
pub(super) struct Guard {
    allow_private: bool,
    /// How names are looked up: as the system does; the tests have a lookup that changes its mind.
    lookup: Lookup,
    /// How long looking a name up may take before that is left to the proxy. (A connection has a timeout of its own.)
    patience: Duration,
    /// The hosts of the proxies that the environment names. They are the user's own, and may be anywhere. A proxy looks
    /// names up by itself, so that the resolver below does not see them.
    proxies: Vec<String>,
}

impl Guard {
    /// A guard that refuses http:// and private addresses, unless `allow_private`; `proxies` says whether those of the
    /// environment are used, and then names are looked up for `patience` at most.
    pub(super) fn new(allow_private: bool, proxies: bool, patience: Duration) -> Self {
        let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
        let named = names.into_iter().filter_map(|name| std::env::var(name).ok().filter(|proxy| !proxy.is_empty()));
        let proxies = if proxies { named.map(|proxy| host_of(&proxy)).collect() } else { Vec::new() };
        Self { allow_private, lookup: resolve, patience, proxies }
    }

    /// Checks scheme, user and literal address of `url`, and where a proxy would resolve its name, the name's
    /// addresses too.
    ///
    /// # Errors
    /// `unsafe_url`; before a byte is sent.
    pub(super) async fn check(&self, url: &Url) -> Result<(), Failure> {
        let refuse = |why: String| Err(Failure::new(ErrorKind::UnsafeUrl, why));
        match url.scheme() {
            "https" => {}
            "http" if self.allow_private => {}
            "http" => return refuse("the link is http://, not https:// (--allow-private-assets takes it)".into()),
            other => return refuse(format!("the link is {other}:, not https://")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("the link carries a user or password".into());
        }
        let addresses = match url.host() {
            Some(Host::Ipv4(address)) => vec![IpAddr::V4(address)],
            Some(Host::Ipv6(address)) => vec![IpAddr::V6(address)],
            // A name that only the proxy can resolve is left to it.
            Some(Host::Domain(name)) if !self.proxies.is_empty() => {
                let found = timeout(self.patience, (self.lookup)(name)).await;
                found.ok().and_then(Result::ok).unwrap_or_default()
            }
            Some(Host::Domain(_)) => Vec::new(),
            None => return refuse("the link names no host".into()),
        };
        let host = url.host_str().unwrap_or_default();
        let refused = addresses.iter().find_map(|&address| self.judge(host, address).err());
        refused.map_or(Ok(()), |refused| refuse(refused.to_string()))
    }

    /// Judges the address that `host` is or leads to.
    fn judge(&self, host: &str, address: IpAddr) -> Result<(), RefusedAddress> {
        let (what, hint) = match class(address) {
            Class::Public => return Ok(()),
            Class::Private(_) if self.allow_private => return Ok(()),
            Class::Private(what) => (what, " (--allow-private-assets takes it)"),
            Class::Never(what) => (what, ""),
        };
        Err(RefusedAddress { host: host.to_owned(), what, hint })
    }
}

/// The host of a proxy, which may be given without a scheme.
fn host_of(proxy: &str) -> String {
    let url = if proxy.contains("://") { Url::parse(proxy) } else { Url::parse(&format!("http://{proxy}")) };
    url.ok().and_then(|url| Some(url.host_str()?.to_owned())).unwrap_or_default()
}

fn resolve(name: &str) -> BoxFuture<'_, std::io::Result<Vec<IpAddr>>> {
    Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
}

/// The resolver of the CDN's clients: names lead to the addresses that the guard lets through.
pub(super) struct Resolver(pub Arc<Guard>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.0);
        Box::pin(async move {
            let name = name.as_str();
            let mut refused = None;
            let mut good = Vec::new();
            // The proxy's name comes as the environment writes it, not as a URL parser would.
            let is_own_proxy = guard.proxies.iter().any(|proxy| proxy.eq_ignore_ascii_case(name));
            for address in (guard.lookup)(name).await? {
                match guard.judge(name, address) {
                    Err(error) if !is_own_proxy => refused = Some(error),
                    _ => good.push(SocketAddr::new(address, 0)),
                }
            }
            match refused {
                Some(refused) if good.is_empty() => Err(refused.into()),
                _ => Ok(Box::new(good.into_iter()) as Addrs),
            }
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Public,
    /// Opened by --allow-private-assets.
    Private(&'static str),
    /// Opened by nothing.
    Never(&'static str),
}

const METADATA: &str = "a cloud's metadata service";
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(169, 254, 169, 254), Ipv4Addr::new(169, 254, 170, 2), Ipv4Addr::new(100, 100, 100, 200)];
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

fn class(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

fn class_v4(address: Ipv4Addr) -> Class {
    if METADATA_V4.contains(&address) {
        return Class::Never(METADATA);
    }
    match address.octets() {
        [0, ..] => Class::Never("an unspecified address"),
        [127, ..] => Class::Private("a loopback address"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Class::Private("a private address"),
        [169, 254, ..] => Class::Private("a link-local address"),
        [100, 64..=127, ..] => Class::Private("a carrier's shared address"),
        [224..=239, ..] => Class::Never("a multicast address"),
        [240..=255, ..]
        | [192, 0, 0, _]
        | [192, 0, 2, _]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [198, 18..=19, ..] => Class::Never("a reserved address"),
        _ => Class::Public,
    }
}

fn class_v6(address: Ipv6Addr) -> Class {
    if address.is_unspecified() {
        return Class::Never("an unspecified address");
    }
    if address.is_loopback() {
        return Class::Private("a loopback address");
    }
    if address == METADATA_V6 {
        return Class::Never(METADATA);
    }
    if let Some(inner) = embedded_v4(address) {
        return class_v4(inner);
    }
    match address.segments() {
        // For local translators, which may put the IPv4 address into other bits than the last: those are looked at, and
        // nothing behind such a translator is taken for public.
        [0x64, 0xff9b, 1, .., high, low] => match class_v4(joined(high, low)) {
            Class::Never(what) => Class::Never(what),
            Class::Private(_) | Class::Public => Class::Private("an address behind a local translator"),
        },
        [0xfc00..=0xfdff, ..] => Class::Private("a unique local address"),
        [0xfe80..=0xfebf, ..] => Class::Private("a link-local address"),
        [0xfec0..=0xfeff, ..] => Class::Private("a site-local address"),
        [0xff00..=0xffff, ..] => Class::Never("a multicast address"),
        // Documentation, Teredo (a tunnel to whatever it names), discard-only, and all outside global unicast.
        [0x2001, 0xdb8, ..] | [0x2001, 0, ..] | [0x3fff, 0..=0xfff, ..] => Class::Never("a reserved address"),
        [0x2000..=0x3fff, ..] => Class::Public,
        _ => Class::Never("a reserved address"),
    }
}

/// The IPv4 address inside an IPv6 one: mapped, compatible, NAT64, 6to4, ISATAP.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..]
        | [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => Some(joined(high, low)),
        _ => None,
    }
}

fn joined(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::cell::Cell;

    fn guard() -> Guard {
        Guard::new(false, false, Duration::from_secs(10))
    }

    #[rstest]
    #[case::public("93.184.216.34", true, true)]
    #[case::public_v6("2606:4700::1111", true, true)]
    #[case::loopback("127.0.0.1", false, true)]
    #[case::loopback_v6("::1", false, true)]
    #[case::private("10.1.2.3", false, true)]
    #[case::private_172("172.31.0.1", false, true)]
    #[case::not_private_172("172.32.0.1", true, true)]
    #[case::private_192("192.168.1.1", false, true)]
    #[case::link_local("169.254.1.1", false, true)]
    #[case::cgnat("100.64.0.1", false, true)]
    #[case::unique_local("fd12::1", false, true)]
    #[case::link_local_v6("fe80::1", false, true)]
    #[case::metadata("169.254.169.254", false, false)]
    #[case::metadata_ecs("169.254.170.2", false, false)]
    #[case::metadata_alibaba("100.100.100.200", false, false)]
    #[case::metadata_v6("fd00:ec2::254", false, false)]
    #[case::unspecified("0.0.0.0", false, false)]
    #[case::unspecified_v6("::", false, false)]
    #[case::multicast("224.0.0.1", false, false)]
    #[case::multicast_v6("ff02::1", false, false)]
    #[case::broadcast("255.255.255.255", false, false)]
    #[case::documentation("192.0.2.1", false, false)]
    #[case::teredo("2001::1", false, false)]
    #[case::unassigned("192.0.0.8", false, false)]
    #[case::benchmarks("198.18.0.1", false, false)]
    #[case::documentation_v6("2001:db8::1", false, false)]
    #[case::site_local("fec0::1", false, true)]
    #[case::outside_global_unicast("4000::1", false, false)]
    #[case::mapped_loopback("::ffff:127.0.0.1", false, true)]
    #[case::mapped_public("::ffff:93.184.216.34", true, true)]
    #[case::mapped_metadata("::ffff:169.254.169.254", false, false)]
    #[case::compatible("::10.0.0.1", false, true)]
    #[case::translated("::ffff:0:10.0.0.1", false, true)]
    #[case::nat64("64:ff9b::10.0.0.1", false, true)]
    #[case::nat64_metadata("64:ff9b::169.254.169.254", false, false)]
    #[case::nat64_local("64:ff9b:1::10.0.0.1", false, true)]
    #[case::nat64_local_of_what_may_be_anywhere("64:ff9b:1::8.8.8.8", false, true)]
    #[case::nat64_local_of_metadata("64:ff9b:1::169.254.169.254", false, false)]
    #[case::six_to_four("2002:0a00:0001::1", false, true)]
    #[case::six_to_four_metadata("2002:a9fe:a9fe::1", false, false)]
    #[case::isatap("2606:4700::5efe:10.0.0.1", false, true)]
    fn an_address_is_asked_or_not(#[case] address: &str, #[case] by_default: bool, #[case] allowed: bool) {
        let address: IpAddr = address.parse().unwrap();
        let guard = |allow_private| Guard { allow_private, ..guard() };
        assert_eq!(guard(false).judge("h", address).is_ok(), by_default, "by default");
        assert_eq!(guard(true).judge("h", address).is_ok(), allowed, "with --allow-private-assets");
    }

    #[rstest]
    #[case("https://cdn.example/a", true, true)]
    #[case("http://cdn.example/a", false, true)]
    #[case("https://127.0.0.1/a", false, true)]
    #[case("https://127.0.0.1./a", false, true)]
    #[case("https://127.1/a", false, true)]
    #[case("https://2130706433/a", false, true)]
    #[case("https://0x7f000001/a", false, true)]
    #[case("https://0x7f.0.0.1/a", false, true)]
    #[case("https://0177.0.0.01/a", false, true)]
    #[case("https://%31%32%37.0.0.1/a", false, true)]
    #[case("https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/a", false, true)]
    #[case("https://[::7f00:1]/a", false, true)]
    #[case("https://0251.254.0xa9fe/a", false, false)]
    #[case("https://2852039166/a", false, false)]
    #[case("https://[64:ff9b::169.254.169.254]/a", false, false)]
    #[case("https://[::ffff:169.254.169.254]/a", false, false)]
    #[case("https://user@cdn.example/a", false, false)]
    #[case("https://:secret@cdn.example/a", false, false)]
    #[case("ftp://cdn.example/a", false, false)]
    #[case("file:///etc/passwd", false, false)]
    #[case("data:image/png;base64,AAAA", false, false)]
    #[tokio::test]
    async fn a_link_is_followed_or_not(#[case] url: &str, #[case] by_default: bool, #[case] allowed: bool) {
        let url: Url = url.parse().unwrap();
        for (allow_private, expected) in [(false, by_default), (true, allowed)] {
            let guard = Guard { allow_private, ..guard() };
            assert_eq!(guard.check(&url).await.is_ok(), expected, "{url} with {allow_private}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_refused_where_the_connection_is_made() {
        let error = Resolver(Arc::new(guard())).resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert!(error.downcast_ref::<RefusedAddress>().is_some(), "{error}");
    }

    thread_local! {
        /// How often [`changing`] was asked in this test.
        static ASKED: Cell<u32> = const { Cell::new(0) };
    }

    /// A name that is public when it is looked up first, and leads home from then on.
    fn changing(_: &str) -> BoxFuture<'_, std::io::Result<Vec<IpAddr>>> {
        let first = ASKED.replace(ASKED.get() + 1) == 0;
        let address = if first { "93.184.216.34" } else { "127.0.0.1" };
        Box::pin(async move { Ok(vec![address.parse().unwrap()]) })
    }

    fn mixed(_: &str) -> BoxFuture<'_, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async { Ok(["10.0.0.1", "93.184.216.34", "::1"].map(|address| address.parse().unwrap()).to_vec()) })
    }

    #[tokio::test]
    async fn a_name_that_leads_home_only_at_the_connection_is_refused_there() {
        // With a proxy the check looks the name up, and finds nothing wrong.
        let guard = Guard { lookup: changing, proxies: vec!["proxy.example".into()], ..guard() };
        guard.check(&"https://cdn.example/a".parse().unwrap()).await.unwrap();
        assert_eq!(ASKED.get(), 1);
        let error = Resolver(Arc::new(guard)).resolve("cdn.example".parse().unwrap()).await.err().unwrap();
        assert!(error.downcast_ref::<RefusedAddress>().is_some(), "{error}");
        assert_eq!(ASKED.get(), 2);
    }

    #[tokio::test]
    async fn of_a_names_addresses_only_the_good_ones_are_tried() {
        let guard = Guard { lookup: mixed, ..guard() };
        let addresses = Resolver(Arc::new(guard)).resolve("cdn.example".parse().unwrap()).await.unwrap();
        assert_eq!(addresses.map(|address| address.ip().to_string()).collect::<Vec<_>>(), ["93.184.216.34"]);
    }

    #[tokio::test]
    async fn where_a_proxy_looks_names_up_one_that_leads_home_is_refused_before() {
        let guard = Guard { lookup: mixed, proxies: vec!["proxy.example".into()], ..guard() };
        let failure = guard.check(&"https://cdn.example/a".parse().unwrap()).await.unwrap_err();
        assert_eq!(failure.kind, ErrorKind::UnsafeUrl);
    }

    fn never(_: &str) -> BoxFuture<'_, std::io::Result<Vec<IpAddr>>> {
        Box::pin(std::future::pending())
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_nobody_answers_for_is_left_to_the_proxy_when_its_time_is_over() {
        let guard = Guard { lookup: never, proxies: vec!["proxy.example".into()], ..guard() };
        let started = tokio::time::Instant::now();
        guard.check(&"https://cdn.example/a".parse().unwrap()).await.unwrap();
        assert_eq!(started.elapsed().as_secs(), 10);
    }

    #[tokio::test]
    async fn the_users_own_proxy_may_be_at_home() {
        for proxy in ["http://localhost:3128", "localhost:3128", "http://user:pass@localhost", "http://LOCALHOST:3128"]
        {
            let guard = Arc::new(Guard { proxies: vec![host_of(proxy)], ..guard() });
            // reqwest asks for the name as the environment writes it.
            for name in ["localhost", "LOCALHOST"] {
                assert!(Resolver(Arc::clone(&guard)).resolve(name.parse().unwrap()).await.is_ok(), "{name} by {proxy}");
            }
        }
    }
}
