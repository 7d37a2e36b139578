//! The elements that `verify` and `history` look at: those that are named, or all.

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
    #[arg(long = "id", value_name = "ID", value_delimiter = ',', value_parser = value::id, env = "ELEMENT_MIRROR_ID", hide_env = true)]
    ids: Vec<String>,
}

impl NamedArgs {
    /// The words of the command line: IDs, or paths of ID lists.
    pub(crate) fn words(&self) -> &[PathBuf] {
        &self.words
    }

    /// The lists, opened; `None` if all elements are meant.
    pub(crate) fn inputs(&self) -> Result<Option<Vec<Input>>, RunError> {
        if self.words.is_empty() && self.ids.is_empty() {
            return Ok(None);
        }
        let named = (!self.ids.is_empty()).then(|| Ok(Input::from_ids(&self.ids)));
        named.into_iter().chain(self.words.iter().map(|word| open(word))).collect::<Result<_, _>>().map(Some)
    }
}

/// A word is an ID list if there is a file of that name, else an ID. (A folder is no list: in the mirror itself, each
/// ID is the name of one.)
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
