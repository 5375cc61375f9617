//! The memory of an engine, which can be put back as it was.
//!
//! An engine with the language in it takes a third of a millisecond to make and a hundred kilobytes to hold. Each
//! message needs a new one. So one is made, its memory is kept as a copy, and after each message the copy is put back:
//! that takes microseconds, and what a message left behind is gone, whatever it was.
//!
//! It is one piece of address space. Blocks of a few sizes are cut from its free end, and used again by what needs the
//! same size; each begins with the number of its size. Nothing is merged: what the limit leaves is enough for that, and
//! soon all begins anew.
#![expect(unsafe_code, reason = "an allocator hands out raw memory")]

use std::{
    cell::Cell,
    io,
    num::NonZeroUsize,
    ptr::{self, NonNull},
    rc::Rc,
    slice,
};

use nix::{
    libc::c_void,
    sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap},
};
use rquickjs::allocator::Allocator;

/// Address space for each byte that may be in use: blocks that are free are not always of the size that is needed.
pub(super) const SPREAD: usize = 2;

/// Stands before each block. Blocks start this far from a multiple of [`STEP`], so that what they hold starts at one.
const HEADER: usize = size_of::<u64>();

/// Sizes of blocks are multiples of it.
const STEP: usize = 16;

/// Up to here every multiple is a size; above, four sizes lead to the next power of two.
const SMALL: usize = 1 << SMALL_BITS;
const SMALL_BITS: u32 = 10;
const SMALL_CLASSES: usize = SMALL / STEP;
const CLASSES: usize = SMALL_CLASSES + 4 * (MOST_BITS - SMALL_BITS) as usize;
const MOST_BITS: u32 = 31;

/// More than this is given back to the system, not overwritten.
const OVERWRITTEN: usize = 512 * 1024;

/// Memory that an engine allocates from. Clones share it.
#[derive(Clone)]
pub(super) struct Memory(Rc<Space>);

struct Space {
    base: NonNull<u8>,
    size: NonZeroUsize,
    limit: usize,
    /// Where what was never used begins.
    end: Cell<usize>,
    /// In blocks that are in use.
    used: Cell<usize>,
    /// The first free block of each size: a place, 0 for none. Each tells the next one.
    free: [Cell<usize>; CLASSES],
    refused: Cell<bool>,
}

/// What the memory held.
pub(super) struct Copy {
    bytes: Box<[u8]>,
    used: usize,
    free: [usize; CLASSES],
}

impl Memory {
    /// Memory of which at most `limit` bytes are in use at a time.
    ///
    /// # Errors
    /// When there is no address space for it.
    pub(super) fn new(limit: usize) -> io::Result<Self> {
        let size = limit.saturating_mul(SPREAD).next_multiple_of(STEP).min(1 << MOST_BITS);
        let size = NonZeroUsize::new(size).ok_or(io::ErrorKind::InvalidInput)?;
        let (access, flags) = (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_PRIVATE);
        // SAFETY: a new mapping at an address that the system chooses touches no other.
        let base = unsafe { mmap_anonymous(None, size, access, flags) }?.cast();
        Ok(Self(Rc::new(Space {
            base,
            size,
            limit,
            end: Cell::new(HEADER),
            used: Cell::new(0),
            free: [const { Cell::new(0) }; CLASSES],
            refused: Cell::new(false),
        })))
    }

    /// Whether more was asked for than the limit allows, since the memory was put back or this was asked.
    pub(super) fn has_refused(&self) -> bool {
        self.0.refused.take()
    }

    /// What it holds now.
    pub(super) fn copy(&self) -> Copy {
        let space = &*self.0;
        // SAFETY: so much of the mapping was handed out or is still zero; nobody writes to it meanwhile, since the
        // engine runs on this thread.
        let bytes = unsafe { slice::from_raw_parts(space.base.as_ptr(), space.end.get()) };
        Copy { bytes: bytes.into(), used: space.used.get(), free: space.free.each_ref().map(Cell::get) }
    }

    /// Puts back what it held, be it less or more than now. All else in it is zero afterwards.
    ///
    /// # Safety
    /// The copy is of this memory. Nobody uses a block any more that was allocated since the copy was made, be it by a
    /// handle of a value. And all that blocks of then refer to outside of this memory is still there.
    pub(super) unsafe fn put_back(&self, copy: &Copy) {
        let space = &*self.0;
        let (kept, end) = (copy.bytes.len(), space.end.get());
        // SAFETY: the copy came from the first bytes of this mapping, and `end` lies in it.
        unsafe {
            ptr::copy_nonoverlapping(copy.bytes.as_ptr(), space.base.as_ptr(), kept);
            space.forget(kept, end.max(kept));
        }
        space.end.set(kept);
        space.used.set(copy.used);
        for (free, kept) in space.free.iter().zip(copy.free) {
            free.set(kept);
        }
        space.refused.set(false);
    }
}

impl Space {
    /// Makes the bytes zero.
    ///
    /// # Safety
    /// They are in the mapping, and nobody needs them.
    unsafe fn forget(&self, from: usize, to: usize) {
        let given_back = from.saturating_add(OVERWRITTEN).next_multiple_of(64 * 1024).min(to);
        // SAFETY: as the caller says.
        unsafe {
            let given = self.base.add(given_back).cast::<c_void>();
            // Only Linux promises zeroes for it.
            let done = cfg!(target_os = "linux")
                && given_back < to
                && madvise(given, to - given_back, MmapAdvise::MADV_DONTNEED).is_ok();
            let overwritten = if done { given_back } else { to };
            self.base.add(from).write_bytes(0, overwritten - from);
        }
    }

    fn refuse(&self) -> *mut u8 {
        self.refused.set(true);
        ptr::null_mut()
    }

    fn allocate(&self, size: usize) -> *mut u8 {
        let Some(class) = class(size) else { return self.refuse() };
        let block = block(class);
        if self.used.get() + block > self.limit {
            return self.refuse();
        }
        let free = self.free[class].get();
        let at = if free == 0 { self.end.get() } else { free };
        if free == 0 && at + block > self.size.get() {
            return self.refuse();
        }
        // SAFETY: the block lies in the mapping, and nobody has it: it is beyond the end of what was ever handed out,
        // or was freed. A free block has the place of the next one behind its header. Blocks are aligned to 8 bytes.
        unsafe {
            let header = self.base.add(at).cast::<u64>();
            if free == 0 {
                self.end.set(at + block);
                header.write(class as u64);
            } else {
                self.free[class].set(header.add(1).cast::<usize>().read());
            }
            self.used.set(self.used.get() + block);
            header.add(1).cast::<u8>().as_ptr()
        }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        // SAFETY: it is this mapping, and who could use it holds a share of `Space`.
        let _ = unsafe { munmap(self.base.cast(), self.size.get()) };
    }
}

// SAFETY: `allocate` hands out distinct blocks of at least the size, aligned to 16 bytes, or null; `reallocate` keeps
// what a block holds; the size that a block's header tells is its own.
unsafe impl Allocator for Memory {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        self.0.allocate(size)
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let Some(size) = count.checked_mul(size) else { return self.0.refuse() };
        let block = self.0.allocate(size);
        if !block.is_null() {
            // SAFETY: the block has at least `size` bytes.
            unsafe { block.write_bytes(0, size) };
        }
        block
    }

    unsafe fn dealloc(&mut self, pointer: *mut u8) {
        let Some(pointer) = NonNull::new(pointer) else { return };
        let space = &*self.0;
        // SAFETY: it is a block of this memory, so a header stands before it, and it has room for the next one's place.
        unsafe {
            let class = class_at(pointer);
            space.used.set(space.used.get() - block(class));
            pointer.cast::<usize>().write(space.free[class].get());
            let at = pointer.sub(HEADER).as_ptr().addr() - space.base.as_ptr().addr();
            space.free[class].set(at);
        }
    }

    unsafe fn realloc(&mut self, pointer: *mut u8, size: usize) -> *mut u8 {
        let Some(old) = NonNull::new(pointer) else { return self.0.allocate(size) };
        // SAFETY: it is a block of this memory; the new one is another, and both have the bytes that are copied.
        unsafe {
            let had = class_at(old);
            if class(size) == Some(had) {
                return pointer;
            }
            let new = self.0.allocate(size);
            if !new.is_null() {
                ptr::copy_nonoverlapping(pointer, new, size.min(block(had) - HEADER));
                self.dealloc(pointer);
            }
            new
        }
    }

    unsafe fn usable_size(pointer: *mut u8) -> usize {
        // SAFETY: as the caller says, it is a block.
        NonNull::new(pointer).map_or(0, |pointer| block(unsafe { class_at(pointer) }) - HEADER)
    }
}

/// The class of the block that holds `size` bytes, if there is one so large.
fn class(size: usize) -> Option<usize> {
    let block = size.max(1).checked_add(HEADER)?.checked_next_multiple_of(STEP)?;
    if block <= SMALL {
        return Some(block / STEP - 1);
    }
    // The power of two below it, and how many quarters of that it needs in addition.
    let power = (block - 1).ilog2();
    let quarters = (block - (1 << power)).div_ceil(1 << (power - 2));
    let class = SMALL_CLASSES + 4 * (power - SMALL_BITS) as usize + quarters - 1;
    (class < CLASSES).then_some(class)
}

/// How large the blocks of a class are, with their headers.
const fn block(class: usize) -> usize {
    if class < SMALL_CLASSES {
        return (class + 1) * STEP;
    }
    let (doubled, quarters) = ((class - SMALL_CLASSES) / 4, (class - SMALL_CLASSES) % 4 + 1);
    (SMALL << doubled) + quarters * (SMALL >> 2 << doubled)
}

/// The class of a block.
///
/// # Safety
/// It is one of this memory's.
unsafe fn class_at(pointer: NonNull<u8>) -> usize {
    // SAFETY: as the caller says, so its header stands before it. `CLASSES` is far below any integer's limit.
    unsafe { pointer.sub(HEADER).cast::<u64>().read() as usize }
}

#[cfg(test)]
mod tests;
