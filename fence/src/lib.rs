//! The purity fence: links `keepwhole-core` and `keepwhole-verify` into a library that has no standard library.
//!
//! The panic handler and the allocator below are the only ones there may be. A crate that reaches for `std` brings a second
//! panic handler with it, and the build of this library fails. Nothing here is ever run.

#![no_std]

extern crate keepwhole_core as _;
extern crate keepwhole_verify as _;

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;

/// Has no memory to give.
struct NoMemory;

// SAFETY: a null pointer is the answer that the trait allows for "no memory"; nothing is ever handed out.
unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _layout: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _pointer: *mut u8, _layout: Layout) {}
}

#[global_allocator]
static ALLOCATOR: NoMemory = NoMemory;

#[panic_handler]
fn panic(_info: &PanicInfo<'_>) -> ! {
    loop {}
}
