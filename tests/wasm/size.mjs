// node size.mjs WITHOUT.wasm WITH.wasm BYTES: the second module is at most so many bytes larger than the first, both
// under gzip -9; and it runs: it refuses a form that is none.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const [without, withContract, bound] = process.argv.slice(2);
const packed = (file) => gzipSync(readFileSync(file), { level: 9 }).length;
const growth = packed(withContract) - packed(without);
console.log(`gzip: ${packed(without)} bytes without the contract, ${packed(withContract)} with it: ${growth} more, at most ${bound}`);

const module = new WebAssembly.Module(readFileSync(withContract));
const imports = {};
for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = () => 0;
const { exports } = new WebAssembly.Instance(module, imports);
exports._initialize?.();
const text = new TextEncoder().encode('RCC?');
const at = exports.allocate(text.length);
new Uint8Array(exports.memory.buffer, at, text.length).set(text);
const refused = exports.load(at, text.length) === 0;
if (!refused) console.log('a form that is none was loaded');
process.exitCode = growth <= Number(bound) && refused ? 0 : 1;
