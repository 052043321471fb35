import { rmSync } from "node:fs";
import { engineSuite, type OpenEngine } from "../../testing/engine-suite/index.js";
import { openTestEngine, testFolder } from "./testing/test-engine.js";

const open: OpenEngine = async ({ limits, ...options }) => {
  const folder = testFolder();
  const openIt = (changes = {}) => openTestEngine(folder, { ...options, limits, ...changes });
  let engine = await openIt();
  return {
    engine,
    reopen: async (changes) => {
      await engine.close();
      engine = await openIt(changes);
      return engine;
    },
    dispose: async () => {
      await engine.close();
      rmSync(folder, { recursive: true });
    },
  };
};

engineSuite("embedded engine", open, { "has nodes": "one process at a time may use a folder" });
