use proptest::prelude::*;

use super::*;

#[test]
fn a_class_is_the_smallest_whose_blocks_are_large_enough() {
    for size in (0..5_000).chain([65_536, 65_537, 1_000_000, 67_108_864, 1 << 30]) {
        let class = class(size).unwrap();
        assert!(block(class) >= size + HEADER, "{size}");
        assert!(class == 0 || block(class - 1) < size + HEADER, "{size}");
        assert!(block(class).is_multiple_of(STEP) && block(class) <= (size + HEADER + STEP) * 5 / 4);
    }
    assert_eq!(class(usize::MAX), None);
    assert_eq!(class(1 << 31), None);
}

#[test]
fn above_the_limit_nothing_is_given_and_it_is_told_once() {
    let mut memory = Memory::new(10_000).unwrap();
    let first = memory.alloc(4_000);
    assert!(!first.is_null() && !memory.has_refused());
    assert!(memory.alloc(7_000).is_null());
    assert!(memory.has_refused() && !memory.has_refused());
    assert!(memory.calloc(usize::MAX, 2).is_null());
    unsafe { memory.dealloc(first) };
    assert!(!memory.alloc(7_000).is_null());
}

#[test]
fn what_is_put_back_is_as_it_was_and_what_came_later_is_gone() {
    let mut memory = Memory::new(8 << 20).unwrap();
    let (kept, gone) = (memory.alloc(100), memory.alloc(100));
    unsafe {
        memory.dealloc(gone);
        kept.write_bytes(1, 100);
        let copy = memory.copy();
        for size in [100, 50_000, 3 << 20] {
            let later = memory.alloc(size);
            later.write_bytes(2, size);
            kept.write_bytes(3, 100);
            memory.put_back(&copy);
            assert_eq!(slice::from_raw_parts(kept, 100), [1; 100]);
            let space = &*memory.0;
            let all = slice::from_raw_parts(space.base.as_ptr(), space.size.get());
            assert!(!all[HEADER..].iter().any(|byte| *byte == 2 || *byte == 3), "{size}");
        }
        assert_eq!(memory.alloc(100), gone, "what was free is free again");
    }
}

#[derive(Debug, Clone)]
enum Act {
    Get(usize),
    Resize(usize, usize),
    Free(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let size = prop_oneof![1..200_usize, 1..20_000_usize];
    prop_oneof![
        size.clone().prop_map(Act::Get),
        (any::<usize>(), size).prop_map(|(which, size)| Act::Resize(which, size)),
        any::<usize>().prop_map(Act::Free),
    ]
}

proptest! {
    #[test]
    fn blocks_keep_what_is_written_to_them(acts in prop::collection::vec(act(), 1..200)) {
        let mut memory = Memory::new(64 << 20).unwrap();
        let mut blocks: Vec<(*mut u8, usize, u8)> = Vec::new();
        for (mark, act) in (0..=u8::MAX).cycle().zip(acts) {
            match act {
                Act::Get(size) => {
                    let block = memory.alloc(size);
                    prop_assert!(block.addr().is_multiple_of(STEP));
                    let usable = unsafe { Memory::usable_size(block) };
                prop_assert!(usable >= size);
                    unsafe { block.write_bytes(mark, size) };
                    blocks.push((block, size, mark));
                }
                Act::Resize(which, size) if !blocks.is_empty() => {
                    let which = which % blocks.len();
                    let (block, had, mark) = &mut blocks[which];
                    *block = unsafe { memory.realloc(*block, size) };
                    let same = unsafe { slice::from_raw_parts(*block, size.min(*had)) };
                    prop_assert!(same.iter().all(|byte| byte == mark));
                    unsafe { block.write_bytes(*mark, size) };
                    *had = size;
                }
                Act::Free(which) if !blocks.is_empty() => {
                    let (block, ..) = blocks.swap_remove(which % blocks.len());
                    unsafe { memory.dealloc(block) };
                }
                Act::Resize(..) | Act::Free(_) => {}
            }
        }
        for (block, size, mark) in blocks {
            let held = unsafe { slice::from_raw_parts(block, size) };
            prop_assert!(held.iter().all(|byte| *byte == mark));
            unsafe { memory.dealloc(block) };
        }
        prop_assert_eq!(memory.0.used.get(), 0);
    }
}
