import { engineSuite } from "./engine-suite/index.js";
import { MemoryEngine } from "./memory-engine.js";

const reason = "the memory engine keeps everything, as long as it lives";

engineSuite(
  "memory engine",
  async ({ limits, clock }) => {
    const engine = new MemoryEngine(7, limits.maxPresenceEventMembers, () => clock.monotonicMs());
    return {
      engine,
      reopen: () => Promise.resolve(engine),
      anotherNode: async () => engine.anotherNode(),
      dispose: () => engine.close(),
    };
  },
  {
    "survives a reopening": reason,
    "trims by count": reason,
    "trims by bytes": reason,
    "trims by age": reason,
    "forgets ids after the window": reason,
    "bounds its pending sends": reason,
    "bounds its rooms": reason,
    "bounds its read marks": reason,
    "bounds its bytes": reason,
    "removes rooms": reason,
    "gives each room an epoch": "the memory engine has one epoch",
    "refuses sends after close": reason,
    "forgets revocations by itself": "the memory engine has no clock",
  },
);
