//! The exchange's books in and out: CSV, NDJSON and Parquet, by profiles that are data.
