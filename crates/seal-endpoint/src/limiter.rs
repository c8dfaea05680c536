//! Requests and tokens a minute.

use std::collections::VecDeque;
use std::time::Duration;

use crate::message::Message;
use crate::settings::Limits;

/// The window of the limits.
const MINUTE: Duration = Duration::from_secs(60);

/// Bytes that a token has on average. Text of other scripts has more bytes and more tokens a
/// character, so that the share is about the same.
const BYTES_PER_TOKEN: u64 = 4;

/// Tokens of a role, a delimiter and the like.
const TOKENS_PER_MESSAGE: u64 = 8;

/// Tokens that a chat template adds to a message at most.
const MOST_PER_MESSAGE: u64 = 64;

/// The most tokens that a prompt can have. A token of text has at least one byte.
pub fn most_tokens(messages: &[Message]) -> u64 {
    messages.iter().map(|message| message.content.len() as u64 + MOST_PER_MESSAGE).sum()
}

/// An estimate of the tokens of a prompt, made before a server counts them.
pub fn estimated_tokens(messages: &[Message]) -> u64 {
    let one = |message: &Message| {
        (message.content.len() as u64).div_ceil(BYTES_PER_TOKEN) + TOKENS_PER_MESSAGE
    };
    messages.iter().map(one).sum()
}

/// What went out during the last minute, and when the next request may go.
///
/// Times are counted from any fixed start.
#[derive(Clone, Debug, Default)]
pub struct Limiter {
    requests: Option<usize>,
    tokens: Option<u64>,
    sent: VecDeque<(Duration, u64)>,
    not_before: Duration,
}

impl Limiter {
    /// A limiter for `limits`; their concurrency is not its business.
    pub fn new(limits: &Limits) -> Self {
        let requests = limits.requests_per_minute.map(|n| n as usize);
        Self { requests, tokens: limits.tokens_per_minute, ..Self::default() }
    }

    /// Lets nothing go before `time`: a server asked to wait.
    pub fn pause_until(&mut self, time: Duration) {
        self.not_before = self.not_before.max(time);
    }

    /// Counts a request of so many tokens at `now` and gives zero, or gives the wait until it
    /// may go, uncounted. A request that alone exceeds the limit of tokens goes when no other was
    /// sent for a minute.
    pub fn take(&mut self, now: Duration, tokens: u64) -> Duration {
        while self.sent.front().is_some_and(|(at, _)| *at + MINUTE <= now) {
            self.sent.pop_front();
        }
        let mut until = self.not_before;
        if let Some(limit) = self.requests
            && self.sent.len() >= limit
        {
            until = until.max(self.sent[self.sent.len() - limit].0 + MINUTE);
        }
        if let Some(limit) = self.tokens {
            let mut sum: u64 = self.sent.iter().map(|(_, tokens)| tokens).sum();
            for (at, count) in &self.sent {
                if sum + tokens <= limit {
                    break;
                }
                sum -= count;
                until = until.max(*at + MINUTE);
            }
        }
        if until > now {
            return until - now;
        }
        if self.requests.is_some() || self.tokens.is_some() {
            self.sent.push_back((now, tokens));
        }
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits(requests: Option<u32>, tokens: Option<u64>) -> Limits {
        Limits { concurrency: 1, requests_per_minute: requests, tokens_per_minute: tokens }
    }

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_request_waits_until_the_oldest_is_a_minute_old() {
        let mut limiter = Limiter::new(&limits(Some(2), None));
        assert_eq!(limiter.take(s(0), 1), s(0));
        assert_eq!(limiter.take(s(10), 1), s(0));
        assert_eq!(limiter.take(s(20), 1), s(40));
        assert_eq!(limiter.take(s(60), 1), s(0));
        assert_eq!(limiter.take(s(61), 1), s(9));
    }

    #[test]
    fn a_request_above_the_limit_of_tokens_goes_alone() {
        let mut limiter = Limiter::new(&limits(None, Some(100)));
        assert_eq!(limiter.take(s(0), 60), s(0));
        assert_eq!(limiter.take(s(1), 60), s(59));
        assert_eq!(limiter.take(s(1), 40), s(0));
        assert_eq!(limiter.take(s(2), 500), s(59));
        assert_eq!(limiter.take(s(61), 500), s(0));
    }

    #[test]
    fn a_pause_holds_every_request_back() {
        let mut limiter = Limiter::new(&limits(None, None));
        limiter.pause_until(s(5));
        limiter.pause_until(s(3));
        assert_eq!(limiter.take(s(2), 1), s(3));
        assert_eq!(limiter.take(s(5), 1), s(0));
    }

    #[test]
    fn an_estimate_grows_with_the_text() {
        assert_eq!(estimated_tokens(&[Message::user("12345")]), 2 + 8);
        assert_eq!(estimated_tokens(&[]), 0);
        // Every byte may be a token.
        assert_eq!(most_tokens(&[Message::user("12345"), Message::system("ж")]), 7 + 128);
    }

    proptest! {
        /// Whoever waits as told never sends more in any 60 s than the limits allow.
        #[test]
        fn no_window_holds_more_than_the_limits(
            gaps in proptest::collection::vec((0_u64..20, 1_u64..80), 1..60),
            requests in 1_u32..6,
        ) {
            let mut limiter = Limiter::new(&limits(Some(requests), Some(100)));
            let (mut now, mut sent) = (Duration::ZERO, Vec::new());
            for (gap, tokens) in gaps {
                now += s(gap);
                let mut turns = 0;
                loop {
                    let wait = limiter.take(now, tokens);
                    if wait.is_zero() { break }
                    now += wait;
                    turns += 1;
                    prop_assert!(turns < 3, "waiting as told is enough");
                }
                sent.push((now, tokens));
            }
            for (start, _) in &sent {
                let window: Vec<u64> = sent.iter()
                    .filter(|(at, _)| at >= start && *at < *start + MINUTE)
                    .map(|(_, tokens)| *tokens).collect();
                prop_assert!(window.len() <= requests as usize);
                prop_assert!(window.iter().sum::<u64>() <= 100);
            }
        }
    }
}
