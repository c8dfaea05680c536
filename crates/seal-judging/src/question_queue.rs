//! What the threads that ask share.

use std::collections::{BTreeSet, VecDeque};

use seal_endpoint::{EndpointError, FailureClass};

use crate::error::JudgingError;

/// Failures in a row after which nothing more is asked, at least.
const GIVE_UP: usize = 5;

/// Shared by the threads, behind a lock.
#[derive(Debug, Default)]
pub(crate) struct QuestionQueue {
    /// Questions that are left.
    pub queue: VecDeque<usize>,
    /// Names under which the server may answer, once they are known.
    pub accepted: Vec<String>,
    /// Replies that are needed.
    pub of: usize,
    /// Replies of this run.
    pub asked: usize,
    /// Money spent on the set at most.
    pub spent: f64,
    /// Money that questions under way may cost.
    pub reserved: f64,
    /// Number of questions under way.
    pub under_way: usize,
    /// Questions of this run without a reply.
    pub failed: Vec<usize>,
    /// The latest failure.
    pub last_failure: Option<EndpointError>,
    /// Whether a failure may pass.
    pub has_passing: bool,
    /// Failures that may pass since the last reply.
    pub in_a_row: usize,
    /// Questions of this run that were asked once more.
    pub again: BTreeSet<usize>,
    /// Why to ask no more.
    pub end: Option<StopReason>,
}

/// Why no more is asked.
#[derive(Debug)]
pub(crate) enum StopReason {
    /// Something failed for good.
    Error(JudgingError),
    /// The next question could exceed the largest cost.
    Budget,
    /// The caller asked to stop.
    Cancelled,
}

impl QuestionQueue {
    /// Takes the next question, if `cost` of it fits into `most`. `None` where there is none.
    pub(crate) fn next(&mut self, cost: impl Fn(usize) -> f64, most: Option<f64>) -> Option<Next> {
        if self.end.is_some() {
            return None;
        }
        let number = *self.queue.front()?;
        let cost = cost(number);
        if most.is_some_and(|most| self.spent + self.reserved + cost > most) {
            // What is under way may cost less than was reserved for it.
            if self.reserved == 0.0 {
                self.end = Some(StopReason::Budget);
                return None;
            }
            return Some(Next::Wait);
        }
        self.queue.pop_front();
        self.under_way += 1;
        self.reserved += cost;
        Some(Next::Ask { number, reserved: cost })
    }

    /// An attempt that brought no reply may have cost so much. Another attempt, for which as much
    /// is reserved, follows unless it could exceed `most`.
    pub(crate) fn charge(&mut self, cost: f64, most: Option<f64>) {
        self.spent += cost;
        if most.is_some_and(|most| self.spent + self.reserved > most) {
            self.end.get_or_insert(StopReason::Budget);
        }
    }

    /// A question is no longer under way: gives back what was reserved for it.
    pub(crate) fn release(&mut self, reserved: f64) {
        self.under_way = self.under_way.saturating_sub(1);
        self.reserved -= reserved;
        // Sums of decimals leave a rest.
        if self.reserved < 1e-9 {
            self.reserved = 0.0;
        }
    }

    /// Replies in the log, those from before with them.
    pub(crate) fn done(&self) -> usize {
        self.of.saturating_sub(self.queue.len() + self.under_way + self.failed.len())
    }

    /// A reply is in the log.
    pub(crate) fn answered(&mut self, cost: f64) {
        self.asked += 1;
        self.spent += cost;
        self.in_a_row = 0;
    }

    /// Puts a question whose reply is blank at the end of the queue, once in a run. Gives whether it
    /// did.
    pub(crate) fn ask_again(&mut self, number: usize) -> bool {
        let is_first = self.again.insert(number);
        if is_first {
            self.queue.push_back(number);
        }
        is_first
    }

    /// A question got no reply. With several under way, that many may fail by one cause.
    pub(crate) fn fail(&mut self, number: usize, error: EndpointError, concurrency: usize) {
        if error == EndpointError::Cancelled {
            self.end.get_or_insert(StopReason::Cancelled);
            return;
        }
        self.failed.push(number);
        self.last_failure = Some(error.clone());
        let failed = match error.class() {
            // Where nobody listens, no other question is heard.
            FailureClass::Passing
                if self.asked == 0 && matches!(error, EndpointError::NoServer { .. }) =>
            {
                self.has_passing = true;
                self.end.get_or_insert(StopReason::Error(JudgingError::Endpoint(error)));
                return;
            }
            FailureClass::Stop => {
                self.end.get_or_insert(StopReason::Error(JudgingError::Endpoint(error)));
                return;
            }
            FailureClass::Passing => {
                self.has_passing = true;
                self.in_a_row += 1;
                self.in_a_row
            }
            // Where the set has a reply, others than this question are taken.
            FailureClass::ThisQuestion if self.done() > 0 => return,
            FailureClass::ThisQuestion => {
                // Neighbours are alike: of one prompt, or canaries. Another place may be taken.
                let third = self.queue.len() / 3;
                self.queue.rotate_left(third);
                self.failed.len()
            }
        };
        if failed >= GIVE_UP.max(concurrency + 1) {
            self.end
                .get_or_insert(StopReason::Error(JudgingError::GivenUp { failed, source: error }));
        }
    }
}

/// What a thread does next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Next {
    /// Asks the question of this number, for which so much money is reserved.
    Ask { number: usize, reserved: f64 },
    /// Waits until a question under way shows what it cost.
    Wait,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> EndpointError {
        EndpointError::Server {
            url: "http://h".into(),
            status: 500,
            said: String::new(),
            retry_after: None,
        }
    }

    fn state(questions: usize) -> QuestionQueue {
        QuestionQueue { queue: (0..questions).collect(), ..QuestionQueue::default() }
    }

    #[test]
    fn no_question_is_begun_that_could_exceed_the_largest_cost() {
        let mut state = state(5);
        let next = |state: &mut QuestionQueue| state.next(|_| 0.4, Some(1.0));
        assert_eq!(next(&mut state), Some(Next::Ask { number: 0, reserved: 0.4 }));
        assert_eq!(next(&mut state), Some(Next::Ask { number: 1, reserved: 0.4 }));
        assert_eq!(next(&mut state), Some(Next::Wait));
        for _ in 0..2 {
            state.release(0.4);
            state.answered(0.1);
        }
        assert_eq!(next(&mut state), Some(Next::Ask { number: 2, reserved: 0.4 }));
        state.release(0.4);
        state.answered(0.5);
        assert_eq!(next(&mut state), None);
        assert!(matches!(state.end, Some(StopReason::Budget)));
        assert_eq!(state.queue.len(), 2);
    }

    #[test]
    fn failures_in_a_row_end_the_run_and_a_reply_between_them_does_not() {
        let mut state = state(0);
        for _ in 0..4 {
            state.fail(0, server(), 1);
        }
        state.answered(0.0);
        for _ in 0..4 {
            state.fail(0, server(), 1);
        }
        assert!(state.end.is_none() && state.has_passing);
        state.fail(0, server(), 1);
        assert!(matches!(
            state.end,
            Some(StopReason::Error(JudgingError::GivenUp { failed: 5, .. }))
        ));
        assert_eq!(state.failed.len(), 9);
    }

    #[test]
    fn a_server_that_is_not_there_ends_the_run_unless_it_answered_before() {
        let nobody =
            || EndpointError::NoServer { url: "http://h".into(), why: "refused".to_owned() };
        let mut first = state(3);
        first.fail(0, nobody(), 4);
        assert!(matches!(first.end, Some(StopReason::Error(JudgingError::Endpoint(_)))));
        assert!(first.has_passing);
        let mut later = state(3);
        later.answered(0.0);
        later.fail(0, nobody(), 4);
        assert!(later.end.is_none() && later.has_passing);
    }

    #[test]
    fn rejections_end_the_run_only_where_nothing_was_ever_taken() {
        let rejected = || EndpointError::Rejected {
            url: "http://h".into(),
            status: 400,
            said: String::new(),
            param: None,
        };
        let mut state = QuestionQueue { of: 7, ..state(2) };
        for number in 0..5 {
            assert!(state.end.is_none());
            state.fail(number, rejected(), 1);
        }
        assert!(matches!(
            state.end,
            Some(StopReason::Error(JudgingError::GivenUp { failed: 5, .. }))
        ));
        let mut state = QuestionQueue { of: 11, ..self::state(2) };
        for number in 0..8 {
            state.fail(number, rejected(), 1);
        }
        assert!(state.end.is_none() && !state.has_passing);
    }

    #[test]
    fn a_failure_that_stops_ends_the_run_at_once() {
        let mut state = state(3);
        state.fail(0, EndpointError::Quota { url: "u".into(), said: String::new() }, 4);
        assert!(matches!(state.end, Some(StopReason::Error(JudgingError::Endpoint(_)))));
        assert_eq!(state.next(|_| 0.0, None), None);
    }
}
