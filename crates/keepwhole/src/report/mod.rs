//! The report of a case: one HTML file that prints.
