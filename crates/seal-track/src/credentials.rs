//! Who logs: a token, or a user name and a password, from the environment.

use std::borrow::Cow;
use std::fmt;

use data_encoding::BASE64;

use crate::TrackError;

const TOKEN: &str = "MLFLOW_TRACKING_TOKEN";
const USERNAME: &str = "MLFLOW_TRACKING_USERNAME";
const PASSWORD: &str = "MLFLOW_TRACKING_PASSWORD";

/// The value of the header `Authorization`, or none. It shows in no output.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    header: Option<String>,
    /// Texts that no message may hold.
    secrets: Vec<String>,
}

impl Credentials {
    /// From the variables that MLflow's own client reads: a user name and a password come before a
    /// token, as there. Nothing set is no credentials.
    ///
    /// # Errors
    /// [`TrackError::Variable`] for a user name without a password, or the other way round, and for
    /// values that cannot stand in a request.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self, TrackError> {
        let of =
            |name: &'static str| var(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let header = match (of(USERNAME), of(PASSWORD)) {
            (Some(user), Some(password)) => {
                if user.contains(':') {
                    return Err(TrackError::Variable {
                        variable: USERNAME,
                        why: "a user name has no colon",
                    });
                }
                let encoded = BASE64.encode(format!("{user}:{password}").as_bytes());
                let secrets = vec![encoded.clone(), password];
                return Ok(Self { header: Some(format!("Basic {encoded}")), secrets });
            }
            (Some(_), None) => {
                let why = "it is not set; a user name goes with a password";
                return Err(TrackError::Variable { variable: PASSWORD, why });
            }
            (None, Some(_)) => {
                let why = "it is not set; a password goes with a user name";
                return Err(TrackError::Variable { variable: USERNAME, why });
            }
            (None, None) => of(TOKEN),
        };
        match header {
            Some(token) if !token.bytes().all(|b| b.is_ascii_graphic()) => {
                let why = "it holds a space or a character that no token has";
                Err(TrackError::Variable { variable: TOKEN, why })
            }
            Some(token) => {
                Ok(Self { header: Some(format!("Bearer {token}")), secrets: vec![token] })
            }
            None => Ok(Self::default()),
        }
    }

    /// The value of the header.
    pub(crate) fn header(&self) -> Option<&str> {
        self.header.as_deref()
    }

    /// `text` without the secrets: a server may quote them in its errors.
    pub(crate) fn blot<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                text = Cow::Owned(text.replace(secret.as_str(), "[hidden]"));
            }
        }
        text
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.header.is_some() { "Credentials(hidden)" } else { "Credentials(none)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vars: &[(&str, &str)]) -> Result<Credentials, TrackError> {
        Credentials::from_vars(|name| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn user_and_password_come_before_a_token() {
        assert_eq!(of(&[]).unwrap().header(), None);
        assert_eq!(of(&[(TOKEN, " abc ")]).unwrap().header(), Some("Bearer abc"));
        // RFC 7617, section 2.
        let both = [(USERNAME, "Aladdin"), (PASSWORD, "open sesame"), (TOKEN, "abc")];
        assert_eq!(of(&both).unwrap().header(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    }

    #[test]
    fn secrets_show_nowhere() {
        let both = of(&[(USERNAME, "me"), (PASSWORD, "open sesame")]).unwrap();
        let said = both.blot("no user me with open sesame (bWU6b3BlbiBzZXNhbWU=)");
        assert_eq!(said, "no user me with [hidden] ([hidden])");
        assert_eq!(format!("{both:?}"), "Credentials(hidden)");
        for bad in [
            of(&[(USERNAME, "sesame")]),
            of(&[(PASSWORD, "sesame")]),
            of(&[(TOKEN, "sesa me")]),
            of(&[(USERNAME, "sesa:me"), (PASSWORD, "sesame")]),
        ] {
            let said = bad.unwrap_err();
            let text = format!("{said} {said:?}");
            assert!(text.contains("MLFLOW_TRACKING_") && !text.contains("sesa"), "{text}");
        }
    }
}
