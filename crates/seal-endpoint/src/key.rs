//! The key of an endpoint: from the environment, shown nowhere.

use std::borrow::Cow;
use std::fmt;

use crate::error::EndpointError;
use crate::settings::EndpointSettings;

/// A secret that says who asks, or that nobody says so. It shows in no output.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(Option<Secret>);

#[derive(Clone, PartialEq, Eq)]
struct Secret {
    secret: String,
    variable: String,
}

impl ApiKey {
    /// No key.
    pub fn none() -> Self {
        Self(None)
    }

    /// The key from the variable that `settings` name; none where they name none.
    ///
    /// # Errors
    /// [`EndpointError::NoKey`] where the variable is not set or empty,
    /// [`EndpointError::BadKey`] where it holds what cannot stand in a request.
    pub fn of(
        settings: &EndpointSettings,
        var: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, EndpointError> {
        let Some(variable) = &settings.api_key_env else { return Ok(Self::none()) };
        let is_name = |name: &str| {
            !name.is_empty()
                && !name.starts_with(|c: char| c.is_ascii_digit())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        if !is_name(variable) {
            // A key that stands in the place of the name is not quoted.
            return Err(EndpointError::Setting {
                key: "api_key_env".to_owned(),
                why: "it is the name of a variable of the environment, such as OPENAI_API_KEY, \
                      and never the key"
                    .to_owned(),
            });
        }
        let secret = var(variable).map(|value| value.trim().to_owned()).unwrap_or_default();
        if secret.is_empty() {
            return Err(EndpointError::NoKey { variable: variable.clone() });
        }
        if !secret.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(EndpointError::BadKey { variable: variable.clone() });
        }
        Ok(Self(Some(Secret { secret, variable: variable.clone() })))
    }

    /// The variable it came from.
    pub(crate) fn variable(&self) -> Option<&str> {
        self.0.as_ref().map(|key| key.variable.as_str())
    }

    /// The value of the header `Authorization`.
    pub(crate) fn header(&self) -> Option<String> {
        self.0.as_ref().map(|key| format!("Bearer {}", key.secret))
    }

    /// `text` without the key. Servers quote it in their errors.
    pub(crate) fn blot<'a>(&self, text: &'a str) -> Cow<'a, str> {
        // A key this short is a stand-in such as `none`, and would stand in ordinary words.
        match &self.0 {
            Some(key) if key.secret.len() >= 8 && text.contains(&key.secret) => {
                Cow::Owned(text.replace(&key.secret, "[key]"))
            }
            _ => Cow::Borrowed(text),
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(key) => write!(f, "ApiKey(hidden, from {})", key.variable),
            None => f.write_str("ApiKey(none)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-sesame-open";

    fn of(variable: &str, value: Option<&str>) -> Result<ApiKey, EndpointError> {
        let mut settings = EndpointSettings::new("https://x.example/v1", "m");
        settings.api_key_env = Some(variable.to_owned());
        ApiKey::of(&settings, |name| value.filter(|_| name == variable).map(str::to_owned))
    }

    #[test]
    fn a_key_shows_nowhere() {
        let key = of("MY_KEY", Some(KEY)).unwrap();
        assert_eq!(format!("{key:?}"), "ApiKey(hidden, from MY_KEY)");
        assert_eq!(key.blot("Incorrect key sk-sesame-open."), "Incorrect key [key].");
        assert_eq!(key.header().unwrap(), format!("Bearer {KEY}"));
        for bad in [of("MY_KEY", None), of("MY_KEY", Some(" ")), of("MY_KEY", Some("sk-a b\nc"))] {
            let said = bad.unwrap_err();
            assert!(said.to_string().contains("MY_KEY"), "{said}");
            assert!(!format!("{said} {said:?}").contains("sk-a"), "{said:?}");
        }
    }

    #[test]
    fn a_key_in_the_place_of_its_variable_is_not_quoted() {
        let said = of(KEY, Some("x")).unwrap_err();
        assert!(!format!("{said} {said:?}").contains("sesame"), "{said:?}");
    }

    #[test]
    fn a_stand_in_for_a_key_is_left_in_ordinary_words() {
        let key = of("K", Some("none")).unwrap();
        assert_eq!(key.blot("none of these"), "none of these");
    }
}
