//! What the project's own tests, benchmarks and fuzz targets need of the inside. This is no part of the library's
//! interface, and may change with every version.

pub use crate::api::{Api, Asked, Slot};
pub use crate::element::{Asset, Element, Listed, MAX_ASSETS, Page, error_text};
pub use crate::header::{ContentRange, retry_after, retry_after_in};
pub use crate::http::Http;
pub use crate::ids::sequence::Sequence;
pub use crate::layout::{Names, is_safe_name, stems};
pub use crate::plan::{Checked, Held, Plan};
