//! Images that come from IDX files.

pub mod idx;
mod whole;
