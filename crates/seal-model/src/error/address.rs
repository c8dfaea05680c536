//! Addresses on a model hub that cannot be used.

/// An address on a model hub that does not name what is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The address of a file, where a model is wanted.
    #[error("{address} names a file; a model is hf://owner/name@revision")]
    IsFile {
        /// The address.
        address: String,
    },
    /// The address of a repository, where a file is wanted.
    #[error("{address} names a whole repository; add the path of a file")]
    IsRepository {
        /// The address.
        address: String,
    },
    /// The cache does not have it, and the hub was not to be asked.
    #[error("{address}: the cache of this machine does not have it whole")]
    NotFetched {
        /// The address.
        address: String,
    },
    /// The program has no access to a hub.
    #[error("{address}: this program was built without the feature `hub`; give a local path")]
    NoHub {
        /// The address.
        address: String,
    },
}
