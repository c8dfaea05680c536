//! Who answers questions.

use std::sync::Arc;

use seal_endpoint::{Ask, Client, EndpointError, Reply, Watch};

/// Who answers questions: a server, or a model on this machine.
pub trait Responder: Sync {
    /// The reply to a question.
    ///
    /// # Errors
    /// Why there is none. [`EndpointError::class`] says what that means for other questions.
    fn respond(&self, ask: &Ask, watch: &dyn Watch) -> Result<Reply, EndpointError>;
}

impl Responder for Client {
    fn respond(&self, ask: &Ask, watch: &dyn Watch) -> Result<Reply, EndpointError> {
        self.ask(ask, watch)
    }
}

impl<R: Responder + Send + ?Sized> Responder for Arc<R> {
    fn respond(&self, ask: &Ask, watch: &dyn Watch) -> Result<Reply, EndpointError> {
        (**self).respond(ask, watch)
    }
}
