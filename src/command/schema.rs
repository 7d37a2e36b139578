//! `element-mirror schema`.

use std::io::{self, Write as _};

use element_mirror::error::RunError;
use element_mirror::outcome::{End, Summary};
use element_mirror::schema;
use element_mirror::stop::Stop;

use crate::cli::{SchemaArgs, SchemaOf};
use crate::session;

/// Prints a schema.
pub(crate) fn schema(args: &SchemaArgs) -> Result<Summary, RunError> {
    let schema = match args.of {
        SchemaOf::Manifest => schema::manifest(),
        SchemaOf::Report => schema::report(),
    };
    let mut out = session::standard_output(&Stop::default())?;
    let printed = serde_json::to_vec_pretty(&schema).map_err(io::Error::from);
    match printed.and_then(|text| out.write_all(&[text.as_slice(), b"\n"].concat())) {
        Ok(()) => Ok(Summary::default()),
        Err(error) => match End::of_output(&error) {
            End::Broken(message) => Err(RunError::Broken(message)),
            end => Ok(Summary::ended(vec![end])),
        },
    }
}
