//! `wbg MODULE.wasm FOLDER NAME`: writes `NAME.js`, `NAME.d.ts` and `NAME_bg.wasm` into a folder, for the web.

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [module, folder, name] = args.as_slice() else {
        eprintln!("usage: wbg MODULE.wasm FOLDER NAME");
        return ExitCode::from(64);
    };
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(module)
        .out_name(name)
        .typescript(true)
        // So that `init()` finds the module beside its own file, and bundlers see that it needs it.
        .omit_default_module_path(false)
        // A fresh instance after one that stopped.
        .reset_state_function(true);
    match bindgen.web(true).and_then(|bindgen| bindgen.generate(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wbg: {error:?}");
            ExitCode::FAILURE
        }
    }
}
