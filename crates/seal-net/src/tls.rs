//! Whom to trust.

use std::path::Path;

use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use crate::error::NetError;

/// The public authorities, or those of a `file` of certificates in PEM.
///
/// # Errors
/// [`NetError`] for a file that holds none; it names the variable `SSL_CERT_FILE`.
pub fn trust(file: Option<&Path>) -> Result<TlsConfig, NetError> {
    let Some(file) = file else { return Ok(TlsConfig::default()) };
    let bad = |why: String| NetError { name: format!("SSL_CERT_FILE={}", file.display()), why };
    let pem = std::fs::read(file).map_err(|e| bad(format!("cannot be read: {e}")))?;
    let found: Result<Vec<_>, _> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
            Ok(_) => None,
            Err(e) => Some(Err(e)),
        })
        .collect();
    let found = found.map_err(|e| bad(format!("no file of certificates in PEM: {e}")))?;
    if found.is_empty() {
        return Err(bad("the file holds no certificate".into()));
    }
    Ok(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&found)).build())
}
