// The same in Node: JSON.parse and ajv. node ajv.mjs FILE SECONDS prints {"right": ns, "wrong": ns}.
import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const [file, seconds] = process.argv.slice(2);
const content = JSON.parse(readFileSync(file, "utf8"));
const ajv = new Ajv();
addFormats(ajv);
const validate = ajv.compile(content.schema);

function measure(text, isRight) {
  if (validate(JSON.parse(text)) !== isRight) throw new Error("the verdict is wrong");
  const turn = (times) => {
    let right = 0;
    const began = process.cpuUsage();
    for (let i = 0; i < times; ++i) if (validate(JSON.parse(text))) ++right;
    const { user, system } = process.cpuUsage(began);
    if (right !== (isRight ? times : 0)) throw new Error("the verdict is wrong");
    return user + system;
  };
  // Until the compiler is done with it, and to know how many turns make so many seconds.
  let microseconds = 0;
  for (let i = 0; i < 5; ++i) microseconds = turn(50_000);
  const times = Math.max(50_000, Math.round((50_000 * seconds * 1e6) / Math.max(microseconds, 1)));
  return (turn(times) * 1000) / times;
}

console.log(JSON.stringify({ right: measure(content.right, true), wrong: measure(content.wrong, false) }));
