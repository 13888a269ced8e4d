//! Builds redress sets: sum trees, manifests and customers' packages (proofs 2).
