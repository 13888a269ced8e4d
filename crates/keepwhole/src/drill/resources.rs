//! What this process takes of the machine, for demands on memory and time. Nothing that is decided rests on it.

/// Writing this to `/proc/self/clear_refs` sets the peak of resident memory back to what is resident now (`proc(5)`).
const RESET_PEAK: &str = "5";

/// Begins a measurement of the peak of resident memory.
pub(super) fn reset_peak() {
    // Where the system has no such file the peak is that of the whole life, which is higher.
    let _unsupported = std::fs::write("/proc/self/clear_refs", RESET_PEAK);
}

/// The peak of resident memory since then, bytes; `None` where the system does not say.
pub(super) fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}
