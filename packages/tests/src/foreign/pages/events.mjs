// A page that calls Connect with fetch and reads events with EventSource, as the browser brings them.

globalThis.callConnect = async (url, method, request) => {
  const response = await fetch(`${url}/confab.v1.ChatService/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json", "connect-protocol-version": "1" },
    body: JSON.stringify(request),
  });
  return { status: response.status, json: await response.json() };
};

const texts = [];
let wake = () => undefined;

globalThis.openEvents = (url) => {
  new EventSource(url).onmessage = ({ data }) => {
    texts.push(JSON.parse(data).text);
    wake();
  };
};

globalThis.nextTexts = async (count) => {
  while (texts.length < count) {
    await new Promise((resolve) => {
      wake = resolve;
    });
  }
  return texts.splice(0, count);
};

/** How an EventSource ends: each `error` event's code, or "lost" without one; resolves when it has given up. */
globalThis.endOfEvents = (url) =>
  new Promise((resolve) => {
    const told = [];
    const source = new EventSource(url);
    source.addEventListener("error", (event) => {
      told.push(event.data === undefined ? "lost" : JSON.parse(event.data).code);
      if (source.readyState === EventSource.CLOSED) resolve(told);
    });
  });
