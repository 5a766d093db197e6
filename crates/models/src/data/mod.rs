//! Images that come from IDX files.
