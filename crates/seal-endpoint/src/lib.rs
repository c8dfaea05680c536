//! A client of chat endpoints that speak OpenAI's protocol: OpenAI itself, vLLM, llama.cpp's
//! server, Ollama, LiteLLM and others.
//!
//! Invariant: knows nothing of judges. A question goes out as messages. A typed [`Reply`] or a
//! typed [`EndpointError`] comes back. The key shows in no message, log or file.
//!
//! ```no_run
//! use seal_endpoint::{ApiKey, Ask, Client, EndpointSettings, Message, Quiet};
//!
//! # fn main() -> Result<(), seal_endpoint::EndpointError> {
//! let mut settings = EndpointSettings::new("http://127.0.0.1:8080/v1", "my-model");
//! settings.max_tokens = 64;
//! let client = Client::new(&settings, ApiKey::of(&settings, |name| std::env::var(name).ok())?)?;
//! let reply = client.ask(&Ask::new(vec![Message::user("Which is better?")]), &Quiet)?;
//! println!("{:?} by {:?}", reply.content, reply.model);
//! # Ok(())
//! # }
//! ```
//!
//! **The key** comes from the variable of the environment that the settings name
//! (`api_key_env`), and from nowhere else. [`refuse_secrets`] refuses settings that hold a key.
//! The key goes to the scheme, host and port of `base_url` only. A redirect to another of these
//! is an error. What a server sends is searched for the key, and the key is blotted out.
//!
//! **Failures.** [`EndpointError::class`] says what a failure means: try this question again
//! later, give this question up, or stop. [`Client::ask`] repeats what may pass, with waits that
//! grow, a seeded spread, and `Retry-After` as a minimum, up to a deadline. When a server asks one
//! question to wait, all questions of the client wait.
//!
//! **Payment.** A request that timed out may have been billed. Each question may have an
//! idempotency key, which is sent with every attempt. Servers that know such keys bill once.
//! [`EndpointError::may_be_billed`] tells such failures from others.
//!
//! **Stopping.** A [`Watch`] is asked before each attempt and during each wait. One that breaks off also
//! ends the request that is under way, within a tenth of a second.
//!
//! **A probe.** [`Client::probe`] finds out whether a server is there and takes key and model, by a reply
//! of one token.
//!
//! **Limits.** Requests and tokens a minute are counted over any window of 60 s. Tokens are
//! estimated before a request as bytes / 4 plus the longest reply.
//!
//! **Batches.** [`batch_line`] writes a line of OpenAI's batch input. [`read_batch_line`] reads a
//! line of the output, also in the older form of vLLM.

mod attempt;
mod batch;
mod body;
mod client;
mod error;
mod exchange;
mod fault;
mod key;
mod limiter;
mod logprobs;
mod message;
mod parse;
mod reply;
mod secrets;
mod settings;
mod transport;
mod url;
mod watch;

pub use batch::{BatchLine, NoBatchLine, batch_line, read_batch_line};
pub use client::{Ask, Client, Probed};
pub use error::{EndpointError, FailureClass};
pub use key::ApiKey;
pub use limiter::{Limiter, estimated_tokens, most_tokens};
pub use logprobs::{Logprobs, TokenChoice, TokenPosition};
pub use message::{ChatRole, Message};
pub use reply::{Finish, Reply, Usage};
pub use secrets::refuse_secrets;
pub use settings::{EndpointSettings, LengthField, Limits, Patience, Price};
pub use watch::{Notice, Quiet, Watch};
