//! The address of an endpoint.

use std::net::IpAddr;

use seal_net::Origin;
use ureq::http::Uri;

use crate::error::EndpointError;

fn bad(why: &str) -> EndpointError {
    EndpointError::Setting { key: "base_url".to_owned(), why: why.to_owned() }
}

/// Refuses an address that is none, that holds a password, or that would carry the question
/// unencrypted to another machine.
pub(crate) fn check_base_url(base_url: &str, allow_http: bool) -> Result<(), EndpointError> {
    const NONE: &str = "it is not the address of a server, such as https://api.openai.com/v1";
    // A password in it would show in every message: it is not even quoted here.
    let after = base_url.split_once("://").map(|(_, after)| after).ok_or_else(|| bad(NONE))?;
    if after.split('/').next().unwrap_or_default().contains('@') {
        return Err(bad("it holds a user name or password; name a variable in api_key_env"));
    }
    if base_url.contains(['?', '#', ' ']) {
        return Err(bad("it holds a query, a fragment or a space; a key does not belong there"));
    }
    let uri: Uri = base_url.parse().map_err(|_| bad(NONE))?;
    let origin = Origin::of(&uri).ok_or_else(|| bad(NONE))?;
    if !origin.secure && !allow_http && !is_this_machine(&origin.host) {
        return Err(bad(
            "http:// would send answers and key unencrypted to another machine; write https://, \
             or set allow_http = true where the network is trusted",
        ));
    }
    Ok(())
}

/// Whether a host can only be this machine.
fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The address of chat completions below `base_url`.
pub(crate) fn chat_url(base_url: &str) -> Result<Uri, EndpointError> {
    let url = format!("{}/chat/completions", base_url.trim_end_matches('/'));
    url.parse().map_err(|_| bad("it is not the address of a server"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_reached_without_encryption() {
        for good in [
            "https://api.openai.com/v1",
            "http://127.0.0.1:8080/v1",
            "http://localhost/v1/",
            "http://[::1]:9/v1",
        ] {
            check_base_url(good, false).unwrap();
        }
        let far = "http://10.0.0.7:8000/v1";
        assert!(check_base_url(far, false).unwrap_err().to_string().contains("allow_http = true"));
        check_base_url(far, true).unwrap();
        // A name that only starts like this machine's is another machine.
        for other in ["http://localhost.evil.example/v1", "http://127.0.0.1.evil.example/v1"] {
            assert!(check_base_url(other, false).is_err(), "{other}");
        }
    }

    #[test]
    fn an_address_holds_no_secret_and_shows_none() {
        for address in
            ["https://me:sk-secret@h/v1", "https://h/v1?key=sk-secret", "sk-secret", "ftp://h/v1"]
        {
            let said = check_base_url(address, true).unwrap_err();
            assert!(!format!("{said} {said:?}").contains("secret"), "{said}");
        }
    }

    #[test]
    fn the_path_of_chats_follows_the_base() {
        let url = |base| chat_url(base).unwrap().to_string();
        assert_eq!(url("http://h:1/v1/"), "http://h:1/v1/chat/completions");
        assert_eq!(url("http://h"), "http://h/chat/completions");
    }
}
