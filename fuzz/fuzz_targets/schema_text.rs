#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| caseward::testing::targets::schema_text(data));
