// Runs a standalone WebAssembly program with its arguments: node run_wasm.mjs PROGRAM.wasm [ARGUMENT...]
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const [program, ...rest] = process.argv.slice(2);
const wasi = new WASI({ version: 'preview1', args: [program, ...rest], env: process.env, returnOnExit: true });

const imports = wasi.getImportObject();
const module = new WebAssembly.Module(readFileSync(program));
for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (kind !== 'function' || imports[from]?.[name]) continue;
    imports[from] ??= {};
    // What Emscripten asks for beyond WASI is its file system and signals, and a test needs none of it.
    imports[from][name] = name === 'emscripten_notify_memory_growth' ? () => {} : () => -52; // ENOSYS
}
process.exitCode = wasi.start(new WebAssembly.Instance(module, imports));
