//! The environment's variables, by which the stores' own tools are configured.

use crate::error::RunError;

/// Where variables are looked up.
pub(super) type Environment<'a> = dyn Fn(&str) -> Option<String> + Sync + 'a;

/// The environment. A variable that is empty is none.
#[derive(Clone, Copy)]
pub(super) struct Variables<'a>(pub(super) &'a Environment<'a>);

impl Variables<'_> {
    /// The value of `name`.
    pub(super) fn get(self, name: &str) -> Option<String> {
        // A line's end comes along where a value was read from a file.
        let value = (self.0)(name)?.trim().to_owned();
        (!value.is_empty()).then_some(value)
    }

    /// The first of `names` that has a value, and that.
    pub(super) fn first<'n>(self, names: &[&'n str]) -> Option<(&'n str, String)> {
        names.iter().find_map(|&name| Some((name, self.get(name)?)))
    }

    /// Whether `name` has a value.
    pub(super) fn has(self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether `name` says yes.
    pub(super) fn is_true(self, name: &str) -> bool {
        self.get(name).is_some_and(|value| is_yes(&value))
    }

    /// The values of a `table` of names, each with what it sets.
    ///
    /// # Errors
    /// One holds characters that no request can carry: the client would panic over them.
    pub(super) fn settings<K: Copy>(self, table: &[(&str, K)]) -> Result<Vec<(K, String)>, RunError> {
        let mut settings = Vec::new();
        for &(name, key) in table {
            let Some(value) = self.get(name) else { continue };
            // Names of files may have others.
            if !value.chars().all(|c| c.is_ascii_graphic() || c == ' ') && !is_of_a_file(name) {
                return Err(RunError::Broken(format!("{name} holds characters that can't be sent")));
            }
            settings.push((key, value));
        }
        Ok(settings)
    }
}

/// Whether a value says yes, as the client reads it.
pub(super) fn is_yes(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "on" | "yes" | "y")
}

/// Whether a variable names a file, or holds what is in one.
fn is_of_a_file(name: &str) -> bool {
    name.ends_with("_FILE") || name.starts_with("GOOGLE_APPLICATION") || name.starts_with("GOOGLE_SERVICE_ACCOUNT")
}
