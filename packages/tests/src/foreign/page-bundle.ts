import { fileURLToPath } from "node:url";
import { build } from "vite";

/**
 * A module and what it imports, as one text for a page.
 *
 * @param format `es`: a module. `iife`: a script that declares the module's exports as `bundled`.
 */
export async function bundleForPage(entry: string, format: "es" | "iife" = "es"): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: "error",
    build: { write: false, target: "es2022", lib: { entry, formats: [format], name: "bundled" } },
  });
  const outputs = [result].flat().flatMap((each) => ("output" in each ? each.output : []));
  return outputs.map((each) => (each.type === "chunk" ? each.code : "")).join("");
}

/** The SDK as pages get it. */
export function bundledClient(format?: "es" | "iife"): Promise<string> {
  return bundleForPage(fileURLToPath(new URL("../../../client/dist/index.js", import.meta.url)), format);
}
