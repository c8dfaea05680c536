//! Panics of backends as errors.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Mutex, PoisonError};

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send>;

/// Callers that are in [`quietly`] now, and the hook that was there before the first.
static INSIDE: Mutex<(usize, Option<Hook>)> = Mutex::new((0, None));

/// What `f` gives. Burn's backends report a missing driver, too little memory or a kernel that does
/// not compile by a panic, some of them in a thread of their own. It is caught, and nothing is printed
/// in the meantime.
///
/// # Errors
/// The first line of what the panic said: others have its place in the source.
pub fn quietly<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    enter();
    let done = panic::catch_unwind(AssertUnwindSafe(f));
    leave();
    done.map_err(|panic| first_line(panic.as_ref()))
}

fn enter() {
    let mut inside = INSIDE.lock().unwrap_or_else(PoisonError::into_inner);
    if inside.0 == 0 {
        inside.1 = Some(panic::take_hook());
        panic::set_hook(Box::new(|_| {}));
    }
    inside.0 += 1;
}

fn leave() {
    let mut inside = INSIDE.lock().unwrap_or_else(PoisonError::into_inner);
    inside.0 -= 1;
    if inside.0 == 0
        && let Some(hook) = inside.1.take()
    {
        panic::set_hook(hook);
    }
}

fn first_line(panic: &(dyn Any + Send)) -> String {
    let text = panic_message(panic).unwrap_or("the backend panicked");
    text.lines().next().unwrap_or_default().to_owned()
}

/// What a backend said when it panicked; `None` if it was no text.
pub fn panic_message(panic: &(dyn Any + Send)) -> Option<&str> {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_its_first_line_also_within_another() {
        let inner = || quietly(|| -> u8 { panic!("no driver\nat x") });
        assert_eq!(quietly(inner), Ok(Err("no driver".to_owned())));
        assert_eq!(quietly(|| 3), Ok(3));
        let odd = quietly(|| -> u8 { panic::panic_any(7) });
        assert_eq!(odd, Err("the backend panicked".to_owned()));
    }
}
