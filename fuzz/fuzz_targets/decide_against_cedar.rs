#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| caseward::testing::targets::decide_against_cedar(data));
