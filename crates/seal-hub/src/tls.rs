//! Whom to trust.

use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use crate::{HubError, HubSettings};

/// The public authorities, or those of a file.
///
/// # Errors
/// [`HubError::Setting`] for a file that holds none.
pub(crate) fn config(settings: &HubSettings) -> Result<TlsConfig, HubError> {
    let Some(file) = &settings.authorities else { return Ok(TlsConfig::default()) };
    let bad =
        |why: String| HubError::Setting { name: format!("SSL_CERT_FILE={}", file.display()), why };
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
