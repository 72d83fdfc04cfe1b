//! Has nothing: its manifest is what counts.
