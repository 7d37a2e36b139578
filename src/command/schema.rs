//! `element-mirror schema`.

use element_mirror::error::RunError;
use element_mirror::outcome::Summary;
use element_mirror::schema;

use crate::cli::{SchemaArgs, SchemaOf};
use crate::session;

/// Prints a schema.
pub(crate) fn schema(args: &SchemaArgs) -> Result<Summary, RunError> {
    let schema = match args.of {
        SchemaOf::Manifest => schema::manifest(),
        SchemaOf::Report => schema::report(),
    };
    let mut text = serde_json::to_vec_pretty(&schema).map_err(|error| RunError::Broken(error.to_string()))?;
    text.push(b'\n');
    session::print(&text)
}
