#!/usr/bin/env node
// npm links only what is there at the install, and `dist` is built later: so the linked file stands outside it.
import { existsSync } from "node:fs";

const main = new URL("../dist/main.js", import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  console.error("confab is not built yet: run `npm run build` first");
  process.exitCode = 1;
}
