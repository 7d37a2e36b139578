//! The secret that opens the API.

use std::borrow::Cow;
use std::fmt;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

use crate::error::RunError;

/// A token of the API. It is in no output, not of `Debug` either, and wiped from memory when it is dropped.
#[derive(Clone)]
pub struct Token(SecretString);

impl Token {
    /// The header that carries it.
    ///
    /// # Errors
    /// It holds characters that no header can carry.
    pub(super) fn header(&self) -> Result<HeaderValue, RunError> {
        let mut header = HeaderValue::from_str(&format!("Bearer {}", self.0.expose_secret()))
            .map_err(|_| RunError::Broken("the token holds characters that can't be sent".to_owned()))?;
        header.set_sensitive(true);
        Ok(header)
    }

    /// `text` with `[token]` in place of the token. One of less than eight characters is no secret, and may be part of
    /// a word.
    pub(super) fn hidden_in<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let (token, shown) = (self.0.expose_secret(), String::from_utf8_lossy(text));
        match token.len() >= 8 && shown.contains(token) {
            true => shown.replace(token, "[token]").into_bytes().into(),
            false => text.into(),
        }
    }
}

impl From<String> for Token {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Token {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_shown_nowhere() {
        let token = Token::from("user:1234-secret");
        let header = token.header().unwrap();
        assert_eq!(header.to_str().unwrap(), "Bearer user:1234-secret");
        for shown in [format!("{token:?}"), format!("{header:?}")] {
            assert!(!shown.contains("secret"), "{shown}");
        }
    }

    #[test]
    fn a_token_that_is_repeated_is_taken_out_and_any_other_text_stays_as_it_is() {
        let token = Token::from("user:1234-secret");
        assert_eq!(*token.hidden_in(b"no \xff user:1234-secret!"), *"no \u{fffd} [token]!".as_bytes());
        assert_eq!(*token.hidden_in(b"user:1234-secre\xff"), *b"user:1234-secre\xff");
        assert_eq!(*Token::from("of").hidden_in(b"one of many"), *b"one of many");
    }
}
