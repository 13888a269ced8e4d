//! The embedded journal: frames, segments, recovery, tiles, signed checkpoints.
