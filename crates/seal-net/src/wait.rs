//! How long to wait before the next attempt.

use std::time::{Duration, SystemTime};

use ureq::http::HeaderMap;

/// A header as text; `None` where there is none or it is no text.
pub fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// What `Retry-After`, `retry-after-ms` or the hub's own `RateLimit: "api";r=0;t=SECONDS` asks
/// for, counted from now. A time that has passed is no wait; one beyond all bounds is
/// the longest there is.
pub fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let plain = text(headers, "retry-after").and_then(|value| {
        seconds(value.trim()).or_else(|| until(value.trim(), text(headers, "date")))
    });
    let own = || {
        text(headers, "ratelimit")?.split(';').find_map(|p| seconds(p.trim().strip_prefix("t=")?))
    };
    let fine = || {
        let milliseconds = seconds(text(headers, "retry-after-ms")?.trim())?;
        Some(milliseconds / 1000)
    };
    plain.or_else(fine).or_else(own)
}

/// A number of seconds; the standard has whole ones, servers send others too.
fn seconds(value: &str) -> Option<Duration> {
    let digits = value.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number: f64 = value.parse().ok().filter(|_| digits)?;
    Some(Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX))
}

/// How long it is until a date, on the clock of the server where it tells its own.
fn until(date: &str, server: Option<&str>) -> Option<Duration> {
    let date = httpdate::parse_http_date(date).ok()?;
    // No result depends on it.
    #[expect(clippy::disallowed_methods, reason = "a wait is counted from now")]
    let now = || SystemTime::now();
    let now = server.and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or_else(now);
    Some(date.duration_since(now).unwrap_or_default())
}

/// The wait as part of a message.
pub fn wait_in_words(asked: Option<Duration>) -> String {
    match asked {
        None => String::new(),
        Some(Duration::MAX) => "; it asks to wait longer than a clock counts".to_owned(),
        Some(wait) => format!("; it asks to wait {} s", wait.as_secs_f64().ceil()),
    }
}

/// The wait after a number of `failures` in a row, at least 1: `first`, doubled by each further
/// failure, up to `longest`. `spread` in [0, 1] makes it up to a quarter longer.
pub fn backoff(first: Duration, longest: Duration, failures: u32, spread: f64) -> Duration {
    let plain = first.saturating_mul(1 << failures.saturating_sub(1).min(16));
    plain.min(longest).mul_f64(1.0 + spread.clamp(0.0, 1.0) / 4.0).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(&'static str, &str)]) -> Option<f64> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        asked_wait(&map).map(|wait| wait.as_secs_f64())
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

    #[test]
    fn waits_are_said_in_whole_seconds() {
        assert_eq!(wait_in_words(Some(Duration::from_millis(1500))), "; it asks to wait 2 s");
        assert!(wait_in_words(Some(Duration::MAX)).contains("longer"));
        assert_eq!(wait_in_words(None), "");
    }
}
