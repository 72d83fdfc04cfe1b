#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| caseward::testing::targets::change_sequences(data));
