//! Gives the module a stack on which whatever passes core's limits on nesting has room.

fn main() {
    // The linker's own is 1 MiB, which Cedar's parser fills at some 140 nested brackets; behind it is nothing but
    // a fault after which no call works.
    println!("cargo:rustc-link-arg-cdylib=-zstack-size=8388608");
    println!("cargo:rerun-if-changed=build.rs");
}
