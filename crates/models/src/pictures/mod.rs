//! Pictures as PNG.
