//! Filters on real databases.
