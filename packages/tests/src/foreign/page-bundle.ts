import { fileURLToPath } from "node:url";
import { build } from "vite";

/** A module and what it imports, as the text of one ES module for a page. */
export async function bundleForPage(entry: string): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: "error",
    build: { write: false, target: "es2022", lib: { entry, formats: ["es"] } },
  });
  const outputs = [result].flat().flatMap((each) => ("output" in each ? each.output : []));
  return outputs.map((each) => (each.type === "chunk" ? each.code : "")).join("");
}

/** The SDK as pages get it. */
export function bundledClient(): Promise<string> {
  return bundleForPage(fileURLToPath(new URL("../../../client/dist/index.js", import.meta.url)));
}
