//! Which elements a command looks at that needs no list of them.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use element_mirror::ElementId;
use element_mirror::error::RunError;
use element_mirror::ids::Input;

use super::value;

#[derive(Args, Debug)]
pub(crate) struct NamedArgs {
    /// IDs, or ID lists as for run [default: every element].
    #[arg(value_name = "IDS", value_hint = ValueHint::FilePath)]
    words: Vec<PathBuf>,

    /// An ID; repeatable.
    #[arg(long = "id", value_name = "ID", value_delimiter = ',', value_parser = value::named, env = "ELEMENT_MIRROR_ID", hide_env = true)]
    ids: Vec<String>,
}

impl NamedArgs {
    /// What may be the paths of ID lists.
    pub(crate) fn words(&self) -> &[PathBuf] {
        &self.words
    }

    /// The lists, opened; none where all elements are meant.
    pub(crate) fn inputs(&self) -> Result<Option<Vec<Input>>, RunError> {
        if self.words.is_empty() && self.ids.is_empty() {
            return Ok(None);
        }
        let named = (!self.ids.is_empty()).then(|| Ok(Input::from_ids(&self.ids)));
        named.into_iter().chain(self.words.iter().map(|word| open(word))).collect::<Result<_, _>>().map(Some)
    }
}

/// A word is a list where there is a file of that name, or else an ID. (In the mirror itself, an ID is a folder's name.)
fn open(word: &Path) -> Result<Input, RunError> {
    let is_list = word == Path::new("-") || (word.exists() && !word.is_dir());
    match word.to_str() {
        Some(id) if !is_list && id.parse::<ElementId>().is_ok() => Ok(Input::from_ids(&[id.to_owned()])),
        _ => Input::open(word).map_err(|error| match error {
            RunError::Io { what, source } if !is_list => RunError::io(format!("{what}, and it is no ID"), source),
            error => error,
        }),
    }
}
