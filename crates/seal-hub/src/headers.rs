//! Headers of the hub's answers, read as values.

use std::time::{Duration, SystemTime};

use ureq::http::HeaderMap;

/// A header as text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// What `Retry-After` or the hub's own `RateLimit: "api";r=0;t=SECONDS` asks for,
/// counted from now. A time that has passed is no wait; one beyond all bounds is
/// the longest there is.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let plain = text(headers, "retry-after").and_then(|value| {
        seconds(value.trim()).or_else(|| until(value.trim(), text(headers, "date")))
    });
    let own = || {
        text(headers, "ratelimit")?.split(';').find_map(|p| seconds(p.trim().strip_prefix("t=")?))
    };
    plain.or_else(own)
}

/// A number of seconds; the standard has whole ones, servers send others too.
fn seconds(value: &str) -> Option<Duration> {
    let digits = value.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number: f64 = value.parse().ok().filter(|_| digits)?;
    Some(Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX))
}

/// How long it is until a date, on the clock of the hub where it tells its own.
fn until(date: &str, hub: Option<&str>) -> Option<Duration> {
    let date = httpdate::parse_http_date(date).ok()?;
    // No result depends on it.
    #[expect(clippy::disallowed_methods, reason = "a wait is counted from now")]
    let now = || SystemTime::now();
    let now = hub.and_then(|hub| httpdate::parse_http_date(hub).ok()).unwrap_or_else(now);
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(&'static str, &str)]) -> Option<f64> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        retry_after(&map).map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn every_form_of_a_wait_is_read() {
        let after = |value: &str| of(&[("retry-after", value)]);
        assert_eq!(after("7"), Some(7.0));
        assert_eq!(after(" 1.5 "), Some(1.5));
        assert_eq!(after("0"), Some(0.0));
        let end = Some(Duration::MAX.as_secs_f64());
        for beyond in ["18446744073709551616", "99999999999999999999999999", &"9".repeat(400)] {
            assert_eq!(after(beyond), end, "{beyond}");
        }
        for none in ["-5", "soon", "", "inf", "nan", "1e3", "+1", "0x10", "Tue, 99 Foo 2026"] {
            assert_eq!(after(none), None, "{none}");
        }
        // Each of the three forms of a date, on the hub's clock.
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            let at = |hub: &str| of(&[("retry-after", date), ("date", hub)]);
            assert_eq!(at("Sun, 06 Nov 1994 08:49:30 GMT"), Some(7.0), "{date}");
            assert_eq!(at("Sun, 06 Nov 1994 09:00:00 GMT"), Some(0.0), "{date}");
            // Without one, on this machine's.
            assert_eq!(after(date), Some(0.0));
        }
        let own = of(&[("ratelimit", "\"api\";r=0;t=55")]);
        assert_eq!(own, Some(55.0));
        assert_eq!(of(&[("retry-after", "?"), ("ratelimit", "\"api\";r=0;t=55")]), own);
    }
}
