import { rmSync } from "node:fs";
import { engineSuite } from "../../testing/engine-suite/index.js";
import { openTestEngine, testFolder } from "./testing/test-engine.js";

engineSuite("embedded engine", async ({ limits, ...options }) => {
  const folder = testFolder();
  const open = () => openTestEngine(folder, { ...options, limits });
  let engine = await open();
  return {
    engine,
    reopen: async () => {
      await engine.close();
      engine = await open();
      return engine;
    },
    dispose: async () => {
      await engine.close();
      rmSync(folder, { recursive: true });
    },
  };
});
