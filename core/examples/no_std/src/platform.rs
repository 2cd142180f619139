//! What the standard library would have brought: a way in, memory, and a way out in an emergency.
//! All of it has to be unsafe, and none of it has to do with the core.
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int};
use core::panic::PanicInfo;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

#[link(name = "c")]
unsafe extern "C" {
    fn puts(text: *const c_char) -> c_int;
    safe fn abort() -> !;
}

/// Where the C runtime hands over. What this returns is the exit code.
#[unsafe(no_mangle)]
extern "C" fn main() -> c_int {
    match crate::run() {
        Ok(()) => {
            say(c"two nodes found each other without the standard library");
            0
        }
        Err(trouble) => {
            say(trouble);
            1
        }
    }
}

fn say(text: &CStr) {
    // SAFETY: the text ends in a zero byte, and is only read.
    unsafe { puts(text.as_ptr()) };
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    say(c"panic");
    abort()
}

/// The precompiled `alloc` was made for unwinding and names this; nobody calls it, for nothing
/// unwinds here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() -> ! {
    abort()
}

/// As above.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    abort()
}

#[global_allocator]
static ARENA: Arena = Arena {
    memory: UnsafeCell::new([0; Arena::BYTES]),
    used: AtomicUsize::new(0),
};

/// An allocator that hands out its bytes from the first to the last, and takes back only what it
/// handed out latest: enough for a program that ends soon.
struct Arena {
    memory: UnsafeCell<[u8; Arena::BYTES]>,
    used: AtomicUsize,
}

impl Arena {
    const BYTES: usize = 64 << 20;
}

// SAFETY: the memory is only given out, each byte to one owner at a time.
unsafe impl Sync for Arena {}

// SAFETY: blocks lie within the memory, are aligned, and do not overlap. The program has one
// thread, so that nobody comes between the reading and the writing of `used`.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let memory: *mut u8 = self.memory.get().cast();
        let next = memory as usize + self.used.load(Ordering::Relaxed);
        let start = next.next_multiple_of(layout.align()) - memory as usize;
        let end = start.saturating_add(layout.size());
        if end > Self::BYTES {
            return ptr::null_mut();
        }
        self.used.store(end, Ordering::Relaxed);
        // SAFETY: the end was found to be within the memory, and the start is before it.
        unsafe { memory.add(start) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let memory: *mut u8 = self.memory.get().cast();
        let start = block as usize - memory as usize;
        if start + layout.size() == self.used.load(Ordering::Relaxed) {
            self.used.store(start, Ordering::Relaxed);
        }
    }
}
