//! Who may ask: nobody whom a foreign page or a foreign name has sent, and for what changes state only who can read the
//! token.

use actix_web::http::Uri;
use actix_web::http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, ORIGIN};

use super::Refusal;
use super::token::Token;
use crate::config::Host;

/// Whether a request comes from this machine's own names: exactly one `Host`, a loopback address or `localhost`, on
/// any port, as a tunnel may have one of its own; and no origin, or that same one.
pub(super) fn familiar(uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    let host = only(headers, HOST).filter(|host| is_loopback(host)).ok_or(Refusal::ForeignHost)?;
    if uri.authority().is_some_and(|authority| !is_loopback(authority.as_str())) {
        return Err(Refusal::ForeignHost);
    }
    if !headers.contains_key(ORIGIN) {
        return Ok(());
    }
    let same = |origin: &str| origin.eq_ignore_ascii_case(&format!("http://{host}"));
    if only(headers, ORIGIN).is_some_and(same) { Ok(()) } else { Err(Refusal::ForeignOrigin) }
}

/// Whether a request has the token: exactly one `Authorization: Bearer TOKEN`.
pub(super) fn has_token(headers: &HeaderMap, token: &Token) -> Result<(), Refusal> {
    let given = only(headers, AUTHORIZATION).and_then(|given| given.split_once(' '));
    match given {
        Some((scheme, given)) if scheme.eq_ignore_ascii_case("bearer") && token.is(given.trim()) => Ok(()),
        _ => Err(Refusal::NoToken),
    }
}

/// The value of a header that is there exactly once, and is text.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name);
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() { None } else { Some(value) }
}

/// Whether an authority, `HOST` or `HOST:PORT`, is this machine's own.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        _ if authority.ends_with(']') => authority,
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) => return false,
        None => authority,
    };
    host.parse::<Host>().is_ok_and(|host| host.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn asked(target: &str, pairs: &[(HeaderName, &str)]) -> Result<(), Refusal> {
        familiar(&target.parse().unwrap(), &headers(pairs))
    }

    #[test]
    fn a_name_that_is_not_this_machines_own_is_refused_though_it_points_here() {
        for host in ["localhost:10080", "LocalHost", "127.0.0.1:10080", "127.1.2.3", "[::1]:9", "[::1]"] {
            assert_eq!(asked("/tree", &[(HOST, host)]), Ok(()), "{host}");
        }
        let foreign = [
            "evil.example:10080",
            "localhost.evil.example",
            "127.0.0.1.evil.example:10080",
            "10.0.0.1:10080",
            "0.0.0.0",
            "localhost:port",
            "localhost@evil.example",
            "::1",
            "",
        ];
        for host in foreign {
            assert_eq!(asked("/tree", &[(HOST, host)]), Err(Refusal::ForeignHost), "{host}");
        }
        assert_eq!(asked("/tree", &[]), Err(Refusal::ForeignHost), "none at all");
        let two = [(HOST, "localhost"), (HOST, "localhost")];
        assert_eq!(asked("/tree", &two), Err(Refusal::ForeignHost), "two of them");
        let target = asked("http://evil.example/tree", &[(HOST, "localhost")]);
        assert_eq!(target, Err(Refusal::ForeignHost), "in the target");
    }

    #[test]
    fn a_page_of_another_origin_is_refused_and_a_page_of_ours_is_not() {
        let from = |origin: &str| asked("/tree", &[(HOST, "localhost:10080"), (ORIGIN, origin)]);
        assert_eq!(from("http://localhost:10080"), Ok(()));
        for origin in ["http://localhost:3000", "https://localhost:10080", "http://evil.example", "null", ""]
        {
            assert_eq!(from(origin), Err(Refusal::ForeignOrigin), "{origin}");
        }
    }
}
