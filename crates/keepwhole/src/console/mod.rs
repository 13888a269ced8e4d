//! The server-rendered console: loopback, no JavaScript needed, Korean and English.
