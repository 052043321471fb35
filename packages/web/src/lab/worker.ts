import { openLink } from "@confab/client";
import { browserClock } from "./clock.js";
import { runComparison } from "./comparison.js";
import type { LabEvent, LabOrder } from "./events.js";
import { resourceFacts } from "./resource-timing.js";

// The comparison runs in a worker, so that drawing its plots delays none of its messages. It takes one order, and is ended
// by ending the worker.

addEventListener("message", ({ data }: MessageEvent<LabOrder>) => {
  void runComparison(data.settings, {
    clock: browserClock(),
    openLink: (transport, platform) => openLink(transport, { url: data.url }, platform),
    resourceFacts,
    emit: (event: LabEvent) => postMessage(event),
  });
});
