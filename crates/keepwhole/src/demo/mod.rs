//! The demo: the public facts of 27 November 2025 and made-up customers.
